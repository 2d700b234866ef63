#!/usr/bin/env bash
# The demo matrix through SLURM, one of whose jobs is requeued under way, and again in one process: the results are the same.
#
#   eval "$(ci/slurm.sh start)"; ci/slurm_demo.sh [FOLDER]; ci/slurm.sh stop
#
# Needs `harness` and its `python` on the PATH, and a SLURM that answers. FOLDER, for the runs, stays; without it they go.
set -euo pipefail

say() { echo "ci/slurm_demo.sh: $*" >&2; }
sinfo --noheader > /dev/null || { say "finds no SLURM: eval \"\$(ci/slurm.sh start)\""; exit 1; }

if [ $# -gt 0 ]; then
    work=$1
    [ ! -e "$work/slurm" ] || { say "$work has such runs already: name another folder."; exit 1; }
    mkdir -p "$work"
else
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
fi
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-1}

# Requeue the first job that has come to its training, and let it start again at once: SLURM has it wait for two minutes.
requeue_one() {
    local log job
    for _ in $(seq 1200); do
        for log in "$work"/slurm/store/*/metrics.jsonl; do
            [ -e "$log" ] || continue
            job=$(python -c 'import json, sys
print([e["job"] for e in map(json.loads, open(sys.argv[1])) if e["event"] == "submitted"][-1])' "${log%/*}/events.jsonl")
            [ "$(squeue --noheader --array --job "$job" --format %T 2> /dev/null)" = RUNNING ] || continue
            scontrol requeue "$job"
            say "requeued job $job of ${log%/*}"
            until [ "$(squeue --noheader --array --job "$job" --format %r)" = BeginTime ]; do sleep 0.2; done
            scontrol update JobId="$job" StartTime=now
            return
        done
        sleep 0.5
    done
}

requeue_one &
requeuer=$!
begun=$SECONDS
harness run --matrix demo --out "$work/slurm" --executor slurm --slurm time=60
kill "$requeuer" 2> /dev/null || true
say "by SLURM: $((SECONDS - begun)) s"
begun=$SECONDS
harness run --matrix demo --out "$work/here" > /dev/null
say "in one process: $((SECONDS - begun)) s"

python - "$work" << 'CODE'
import sys
from pathlib import Path

from harness.store import Store

one, two = ({c.cell: c.result() for c in Store(Path(sys.argv[1]) / name).cells()} for name in ("slurm", "here"))
assert one.keys() == two.keys(), "other cells"
for cell in one:
    assert one[cell].repeatable() == two[cell].repeatable(), f"{cell} differs"
taken = sum(result.provenance.preemptions for result in one.values())
assert taken == 1, f"{taken} preemptions were counted"
sys.stdout.write(f"{len(one)} cells, the same weights and results; jobs that were requeued under way: {taken}\n")
CODE
