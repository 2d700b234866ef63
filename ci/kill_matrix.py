"""Kill a running matrix again and again: `python ci/kill_matrix.py FOLDER [--kills 50] [--matrix FILE] [-- OPTIONS]`.

Runs the matrix once undisturbed, then anew with SIGKILL at random moments spread over the whole run, half of them
inside the writing of a checkpoint, of weights, of a result or of another file, and the same command after each. Prints
where each kill hit, and ends with exit code 1 unless weights, results, logs and tables are those of the undisturbed
run, byte for byte. What follows `--` goes to `harness run`, as `--semantickitti DIR`; cells have to run in
its own process, which is watched. A matrix that measures latency has times in its tables: give it `latency_scans: 0`.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import sys
from collections.abc import Iterator
from itertools import cycle, islice
from pathlib import Path

from killing import STAGES, Moment, Sitting, import_all, sit

from harness.store import CellFolder, Store

MATRIX = """
dataset: {name: semantickitti, synthetic: {scans: 8, azimuths: 64, seed: 1}}
backbones: [{teacher_width: 0.125, student_width: 0.0625, voxel_size_m: 2.0}]
methods: [none, fitnets, pvd]
seeds: [0, 1]
recipe: {epochs: 4, batch_size: 2, optimizer: adam, learning_rate: 0.01}
measure: {macs_scans: 1, latency_scans: 0}
submission: pvd
"""

BEFORE = ("/[.]manifest-cache", "/prepared/[.]", "/[.]spec[.]json")
CHECKPOINT = "/checkpoint/[.][0-9]{9}[.]pt"
DURING = (
    CHECKPOINT, "", "/[.]weights[.]", CHECKPOINT, "/[.]result[.]", "", "/checkpoint/[.][0-9]{9}[.]sha256", CHECKPOINT,
    "/[.]progress[.]", "", CHECKPOINT, "/metrics[.]jsonl", "", "/[.]metrics[.]", CHECKPOINT, "/events[.]jsonl",
)  # fmt: skip
AFTER = ("/tables/[.]", "/submissions/", "/curves/")
"""Patterns of files, by when a run writes them; an empty one is for any time."""

EXACT = ("spec.json", "metrics.jsonl", "weights.safetensors")
"""Files of a cell that hold no time."""

LONGEST_DELAY_S = 0.5

LAST_SHARE = 0.9
"""Of all steps: after that, a run may end before a kill finds what it waits for."""

Planned = tuple[float, str, str]
"""Share of all steps after which to kill, pattern of the file, stage of its writing."""


class Run:
    """A run in a folder, begun as often as needed."""

    def __init__(self, matrix: Path, out: Path, options: list[str]) -> None:
        self.out, self.log = out, out.with_suffix(".log")
        self.command = ["run", "--matrix", str(matrix), "--out", str(out), *options]

    def sit(self, moment: Moment | None = None) -> Sitting:
        """Run until the end, or until it is killed."""
        return sit(self.command, self.log, moment)

    def finish(self) -> None:
        """Run to the end."""
        ended = self.sit()
        if ended.code != 0:
            sys.exit(f"the run ended with exit code {ended.code}: see {self.log}")

    def logged(self) -> int:
        """Steps in the logs of all cells."""
        return sum(path.read_bytes().count(b"\n") for path in self.out.glob("store/*/metrics.jsonl"))

    def half_written(self) -> set[Path]:
        """Temporary files that lie about."""
        return set(self.out.rglob(".*.tmp"))


def plan(kills: int, rng: random.Random) -> list[Planned]:
    """Draw the moments: a tenth before the training, a tenth after it, the rest in the order of their steps."""
    outside = max(1, kills // 10)
    inside = max(0, kills - 2 * outside)
    shares, files = sorted(rng.uniform(0, LAST_SHARE) for _ in range(inside)), list(islice(cycle(DURING), inside))
    rng.shuffle(files)
    before = [(0.0, file) for file in islice(cycle(BEFORE), min(kills, outside))]
    after = [(1.0, file) for file in islice(cycle(AFTER), kills - inside - len(before))]
    moments = [*before, *zip(shares, files, strict=True), *after]
    return [(share, file, rng.choice(STAGES) if "/[.]" in file else "write") for share, file in moments]


def kill_and_resume(run: Run, planned: list[Planned], whole: Run, rng: random.Random) -> Iterator[tuple[str, bool]]:
    """Kill the run at each moment; yield where that was, and whether a file was half written.

    Where a run ends before its moment has come, the next one is killed soon after its start.
    """
    steps, cells = whole.logged(), len(Store(whole.out).cells())
    for share, file, stage in planned:
        wait, before = max(0, round(share * steps) - run.logged()), run.half_written()
        delay_s = 0.0 if file else rng.uniform(0, LONGEST_DELAY_S)
        ended = run.sit(Moment(wait, file, stage, steps // cells, delay_s))
        if ended.code is not None:
            ended = run.sit(Moment(0, delay_s=rng.uniform(0, LONGEST_DELAY_S)))
        if ended.code is not None:
            sys.exit(f"a run that was to be killed ended with exit code {ended.code}: see {run.log}")
        yield ended.hit, bool(run.half_written() - before)


def differences(one: Path, two: Path) -> list[str]:
    """Name what two runs of one matrix have not alike: files byte for byte, results but for times and memory."""
    folders = {out: {path.parent.name for path in out.glob("store/*/spec.json")} for out in (one, two)}
    cells, named = sorted(folders[one]), [f"cell {name}" for name in folders[one] ^ folders[two]]
    outputs = {path.relative_to(out) for out in (one, two) for path in out.glob("*/**/*") if path.is_file()}
    alike = [path for path in outputs if path.parts[0] not in ("store", "data") and path.suffix != ".tmp"]
    alike += [Path("store", cell, file) for cell in cells for file in EXACT]
    named += [str(path) for path in sorted(alike) if _bytes(one / path) != _bytes(two / path)]
    for cell in cells:
        results = [CellFolder(out / "store" / cell).result() for out in (one, two)]
        if None in results or len({json.dumps(result.repeatable()) for result in results if result}) != 1:
            named.append(f"store/{cell}/result.json")
        large = [path for path in (two / "store" / cell).rglob(".*.tmp") if re.search("[.](pt|safetensors)", path.name)]
        named += [f"{path} is still there" for path in large]
    return named


def _bytes(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None


def main() -> int:
    """Run, kill, compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="for both runs; must not exist or be empty")
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--matrix", type=Path, help="a file instead of eight tiny cells on synthetic scans")
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    end = sys.argv.index("--") if "--" in sys.argv else len(sys.argv)
    chosen, options = parser.parse_args(sys.argv[1:end]), sys.argv[end + 1 :]
    chosen.folder.mkdir(parents=True, exist_ok=True)
    matrix = chosen.matrix or chosen.folder / "kills.yaml"
    if chosen.matrix is None:
        matrix.write_text(MATRIX)
    import_all()
    whole, killed = (Run(matrix, chosen.folder / name, options) for name in ("whole", "killed"))
    whole.finish()
    rng, inside = random.Random(chosen.seed), 0
    for number, (hit, half) in enumerate(kill_and_resume(killed, plan(chosen.kills, rng), whole, rng), 1):
        say(f"{number:3d}  {killed.logged():4d} of {whole.logged()} steps  {'half a file' if half else '':11s}  {hit}")
        inside += half
    killed.finish()
    named = differences(whole.out, killed.out)
    say(f"{chosen.kills} kills, {inside} of them inside the writing of a file; {len(named)} differences")
    for name in named:
        say(f"differs: {name}")
    return 1 if named else 0


def say(line: str) -> None:
    """Print a line at once."""
    print(line, flush=True)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
