"""What a scan takes, by machine: of the complete protocol where it was followed, else what cells took of themselves."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from harness.report.facts import record_facts
from harness.report.flat import Facts
from harness.spec import CellResult, CellSpec, LatencyRecord, LatencyResult
from harness.spec.latency import Subject

PROTOCOLS = {
    "latency-v1": "latency-v1: in fresh processes, networks interleaved, the machine's state watched",
    "latency-v1-core": "latency-v1-core: each cell timed itself, in the process that trained it",
}
"""What a table says of a column of times, by the protocol they follow."""


@dataclass(frozen=True)
class Timing:
    """Time of one scan on one machine.

    Attributes:
        machine: kind, model and, of a CPU, threads: ``CPU: AMD EPYC, 2 threads``.
        protocol: that it follows, a key of `PROTOCOLS`.
        p50_ms: median, end to end; of cells that measured themselves the middle one over the seeds.
        p95_ms: 95th percentile, as above.
        unstable: why the measurement can't be relied on; empty when it can.
        facts: of a record's protocol card, what has to be equal among the times of a column; of cells that measured
            themselves their own cards have it.
    """

    machine: str
    protocol: str
    p50_ms: float
    p95_ms: float
    unstable: tuple[str, ...] = ()
    facts: Facts = field(default_factory=dict)


def row_timings(spec: CellSpec, results: Iterable[CellResult], records: Sequence[LatencyRecord]) -> dict[str, Timing]:
    """Return the times of a network by machine; a CPU never fills a GPU's place.

    A record of the complete protocol goes before what the cells say of the same machine; among several records, a
    stable one before an unstable one, then the one with most samples.

    Args:
        spec: of a cell with this network; weights, method and seed make no difference.
        results: of its cells.
        records: of any networks.
    """
    own: dict[str, list[LatencyResult]] = {}
    for result in results:
        if (latency := result.latency) is not None:
            own.setdefault(_machine(latency), []).append(latency)
    timings = {machine: _middle(machine, measured) for machine, measured in own.items()}
    subject = Subject(
        dataset=spec.dataset.name,
        synthetic=spec.dataset.synthetic,
        backbone=spec.backbone,
        engine=spec.engine,
        precision=spec.precision,
    )
    for record in sorted((record for record in records if record.subject == subject), key=_reliance):
        span, machine, facts = record.end_to_end, _machine(record), record_facts(record)
        timings[machine] = Timing(machine, record.protocol, span.p50_ms, span.p95_ms, record.reasons, facts)
    return timings


def _reliance(record: LatencyRecord) -> tuple[bool, int, float]:
    """Order records so that the one to rely on comes last; which of two alike does not depend on their order."""
    samples = len(record.scan_ids) * record.passes * len(record.processes)
    return record.verdict == "stable", samples, record.end_to_end.p50_ms


def _machine(measured: LatencyResult | LatencyRecord) -> str:
    threads = f", {measured.threads} {'thread' if measured.threads == 1 else 'threads'}"
    return f"{measured.device_kind}: {measured.device}" + (threads if measured.device_kind == "CPU" else "")


def _middle(machine: str, measured: Sequence[LatencyResult]) -> Timing:
    return Timing(
        machine,
        measured[0].protocol,
        statistics.median(latency.end_to_end.p50_ms for latency in measured),
        statistics.median(latency.end_to_end.p95_ms for latency in measured),
    )
