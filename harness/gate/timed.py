"""What the gate finds about one timed network: its latency, and the sites and memory that its record tells beside."""

from __future__ import annotations

from collections.abc import Iterator

from harness.gate.finding import Finding, unmeasured
from harness.gate.history import History
from harness.gate.memory import judge_peak
from harness.spec import LatencyRecord

FIGURE, MEMORY, SITES = "latency", "peak memory of latency", "sites of latency"


def judge_history(subject: str, history: History) -> Iterator[Finding]:
    """Yield the findings about a network whose history is settled.

    Sites and memory are those of the first record that counts: what was measured again was asked for its time.

    Args:
        subject: what the network is called.
        history: with an outcome.
    """
    yield _latency(subject, history)
    if history.stable:
        there, here = history.reference, history.stable[0]
        yield _memory(subject, there, here)
        yield _sites(subject, there, here)


def _latency(subject: str, history: History) -> Finding:
    result = history.comparison
    return Finding(
        subject=subject,
        figure=FIGURE,
        verdict=history.outcome or "could not measure",
        reference=result.reference_ms,
        now=result.now_ms,
        unit="ms",
        test=f"Mann-Whitney p = {result.p:.2g}; measured {_times(len(history.records))}",
        note=history.note,
    )


def _times(count: int) -> str:
    return {1: "once", 2: "twice"}.get(count, f"{count} times")


def _memory(subject: str, there: LatencyRecord, here: LatencyRecord) -> Finding:
    others, others_there = ((", ".join(sorted(record.interleaved_with)) or "none") for record in (here, there))
    if there.device_kind == "CPU" and others != others_there:
        note = f"on a CPU it is that of all networks timed together: {others}, in the reference {others_there}"
        return unmeasured(subject, MEMORY, note)
    return judge_peak(subject, MEMORY, there.peak_memory_mib, here.peak_memory_mib)


def _sites(subject: str, there: LatencyRecord, here: LatencyRecord) -> Finding:
    scans = zip(there.scan_ids, there.voxels, here.voxels, strict=True)
    differing = [f"scan {scan}: {before} → {after}" for scan, before, after in scans if before != after]
    return Finding(
        subject=subject,
        figure=SITES,
        verdict="regression" if differing else "pass",
        reference=sum(there.voxels) / len(there.voxels),
        now=sum(here.voxels) / len(here.voxels),
        test="equal",
        note=differing[0] if differing else "",
    )
