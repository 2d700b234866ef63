#!/usr/bin/env bash
# A night: doctor, a matrix, latency, the gate, tables; all that is worth keeping in one folder.
#
#   ci/nightly.sh --out DIR [--matrix NAME|FILE] [--reference DIR] [--seeds 7,8] [--budget HOURS] [--device NAME]
#                 [--scans N] [--passes N] [--processes N] [--first-night] [--without-unstable]
#                 [-- OPTIONS]
#
# --out         of this night. Started again on the same folder it goes on: what is done is not done again.
# --matrix      default: nightly.
# --reference   what the night is held against; default: results/measured/ and the name of the device.
# --seeds       instead of the matrix's own; default: one that no reference has, the date in UTC as a number. DIR/seeds keeps
#               those of the first start, so that the night goes on with them.
# --budget      device hours for the cells, as of `harness run`.
# --scans, --passes, --processes    of the latency, as of `harness measure latency`.
# --first-night makes the reference of this night, with seeds 0,1,2,3,4 unless --seeds says otherwise; nothing is gated. A
#               reference that stands there is refused, unless this very night made it before it was stopped.
# --without-unstable    leaves latency that was unstable out of that reference, instead of making none.
# OPTIONS       where the data lies, for every stage: --semantickitti DIR --nuscenes DIR --partial.
#
# Ends with 0 when all is as it was, 1 when a figure is worse, 2 when something could not be measured: a stage that
# failed is named, and those after it do what they still can. DIR/artefacts/ has doctor.json, machine.txt, logs/, tables/,
# cells/, latency/, gate/ (junit.xml, summary.md, findings.json), and of a first night reference/. Needs `harness` on the PATH.
set -uo pipefail
{ # read to its end before it begins: nothing that happens to this file in a night matters then

say() { echo "ci/nightly.sh: $*" >&2; }
usage() { say "$1"; exit 2; }

out='' matrix=nightly reference='' seeds='' budget='' device=auto first=no
latency=() made=()
while [ $# -gt 0 ]; do
    case $1 in
        --first-night) first=yes; shift; continue ;;
        --without-unstable) made+=("$1"); shift; continue ;;
        --) shift; break ;;
        --out | --matrix | --reference | --seeds | --budget | --device | --scans | --passes | --processes) ;;
        *) usage "does not know '$1'; its first lines say what it knows" ;;
    esac
    [ $# -gt 1 ] || usage "$1 needs a value"
    case $1 in
        --out) out=$2 ;;
        --matrix) matrix=$2 ;;
        --reference) reference=$2 ;;
        --seeds) seeds=$2 ;;
        --budget) budget=$2 ;;
        --device) device=$2 ;;
        *) latency+=("$1" "$2") ;;
    esac
    shift 2
done
data=("$@")
[ -n "$out" ] || usage "needs --out DIR"
command -v harness > /dev/null || usage "finds no harness on the PATH"

if [ -z "$reference" ]; then
    reference=$(harness gate --where --device "$device") || usage "can't tell where the references of $device lie"
fi
keep=$out/artefacts
made_here=$out/reference-of-this-night
own() { [ -e "$reference/reference.json" ] && [ "$(cat "$made_here" 2> /dev/null)" = "$(cd "$reference" && pwd)" ]; }
if [ "$first" = yes ] && [ -e "$reference/reference.json" ] && ! own; then
    usage "$reference is a reference already: name another, or leave --first-night"
fi
mkdir -p "$keep/logs" || usage "can't write $keep"

if [ -z "$seeds" ]; then
    if [ -s "$out/seeds" ]; then
        seeds=$(cat "$out/seeds")
    elif [ "$first" = yes ]; then
        seeds=0,1,2,3,4
    else
        seeds=$(date -u +%Y%m%d)
    fi
fi
echo "$seeds" > "$out/.seeds" && mv "$out/.seeds" "$out/seeds" || usage "can't write $out/seeds"
regressed=no failed=() gated=() child=

# shellcheck disable=SC2317  # called by the trap
stop() {
    [ -z "$child" ] || kill -TERM "$child" 2> /dev/null
    wait
    say "stopped; the same command goes on from here"
    exit 2
}
trap stop INT TERM HUP

# stage NAME COMMAND…: run a command, show what it says and keep it in its log; return its exit code.
stage() {
    local name=$1 begun=$SECONDS code
    shift
    say "$name: $*"
    "$@" > >(tee -a "$keep/logs/$name.log") 2> >(tee -a "$keep/logs/$name.log" >&2) &
    child=$!
    wait "$child"
    code=$?
    child=
    say "$name: exit code $code after $((SECONDS - begun)) s"
    return "$code"
}

# must NAME COMMAND…: a stage without which the night could not be measured.
must() { stage "$@" || failed+=("$1"); }

describe_machine() {
    date -u '+%Y-%m-%dT%H:%M:%SZ'
    uname -a
    nvidia-smi -q 2> /dev/null || echo "no nvidia-smi"
    cat /proc/loadavg /proc/meminfo 2> /dev/null
    df -h "$out"
}
# shellcheck disable=SC2317  # called by its name; in the place of the stage's own process, so that a stop reaches it
examine() { exec harness doctor --out "$out" --json ${roots[@]+"${roots[@]}"} > "$keep/.doctor.json"; }

# Doctor takes the roots of the data alone.
roots=()
for ((i = 0; i < ${#data[@]}; i++)); do
    case ${data[i]} in
        --semantickitti | --nuscenes) roots+=("${data[i]}" "${data[i + 1]:-}") ;;
        --semantickitti=* | --nuscenes=*) roots+=("${data[i]}") ;;
    esac
done

describe_machine > "$keep/machine.txt" 2>&1
must doctor examine
[ ! -s "$keep/.doctor.json" ] || mv "$keep/.doctor.json" "$keep/doctor.json"

must run harness run --matrix "$matrix" --out "$out" --executor local --device "$device" \
    --seeds "$seeds" ${budget:+--budget "$budget"} ${data[@]+"${data[@]}"}
must latency harness measure latency --matrix "$matrix" --out "$out" --device "$device" \
    ${latency[@]+"${latency[@]}"} ${data[@]+"${data[@]}"}

if [ "$first" = yes ]; then
    if own; then
        say "has made $reference before"
    elif [ ${#failed[@]} = 0 ]; then
        mkdir -p "$reference" && (cd "$reference" && pwd) > "$made_here"
        must reference harness gate --out "$out" --write-reference "$reference" ${made[@]+"${made[@]}"}
        [ ${#failed[@]} = 0 ] || rm -f "$made_here"
    else
        say "makes no reference of a night of which a part is missing"
    fi
elif [ -e "$reference/reference.json" ]; then
    gated=(gate)
    stage gate harness gate --out "$out" --reference "$reference" --matrix "$matrix" --device "$device" \
        ${data[@]+"${data[@]}"}
    case $? in
        0) ;;
        1) regressed=yes ;;
        *) failed+=(gate) ;;
    esac
else
    say "there is no reference in $reference: a night with --first-night makes one"
    failed+=("gate, which has no reference")
fi

must tables harness tables --out "$out" --write "$keep/tables"

copy() { rm -rf "$2"; [ ! -d "$1" ] || cp -R "$1" "$2"; }
rm -rf "$keep/gate"  # of an earlier start
for folder in latency latency-again ${gated[@]+"${gated[@]}"}; do copy "$out/$folder" "$keep/$folder"; done
[ "$first" = no ] || copy "$reference" "$keep/reference"
mkdir -p "$keep/cells"
for result in "$out"/store/*/result.json; do
    [ ! -e "$result" ] || cp "$result" "$keep/cells/$(basename "$(dirname "$result")").json"
done
wait

code=0
if [ ${#failed[@]} -gt 0 ]; then
    code=2
    say "failed: $(printf '%s; ' "${failed[@]}" | sed 's/; $//'). What they said is in $keep/logs"
fi
if [ "$regressed" = yes ]; then
    code=1
    say "a figure is worse than in $reference: $keep/gate/summary.md"
fi
say "exit code $code; all that is worth keeping lies in $keep"
exit "$code"
}
