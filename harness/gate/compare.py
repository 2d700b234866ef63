"""The gate: every figure of a reference, found again in a run."""

from __future__ import annotations

from collections.abc import Iterator

from harness.gate.accuracy import gate_accuracy
from harness.gate.counts import gate_counts
from harness.gate.evidence import Evidence
from harness.gate.finding import VERDICTS, Finding, unmeasured
from harness.gate.latency import Remeasure, gate_latency
from harness.gate.memory import gate_training_memory
from harness.gate.rows import Matched, match_rows

RESULTS = "results"


def compare_evidence(reference: Evidence, run: Evidence, remeasure: Remeasure | None = None) -> list[Finding]:
    """Compare a run with a reference; the worst findings first.

    Args:
        reference: finished cells and stable records.
        run: of one night.
        remeasure: see `gate_latency`.
    """
    findings = [
        *gate_rows(match_rows(reference, run)),
        *gate_latency(reference.latency, run.latency, remeasure),
    ]
    return sorted(findings, key=lambda finding: VERDICTS.index(finding.verdict))


def gate_rows(matched: Matched) -> list[Finding]:
    """Compare what cells say: which there are, their mIoU, counts, and memory."""
    both = [(there, here) for there, here in matched.both if here.finished]
    findings = list(_absent(matched))
    findings += gate_accuracy(both)
    for there, here in both:
        findings += gate_counts(there, here)
        findings.append(gate_training_memory(there, here))
    return findings


def _absent(matched: Matched) -> Iterator[Finding]:
    for row in matched.missing:
        yield unmeasured(row.name, RESULTS, "the run has no such cell")
    for row in (here for _, here in matched.both if here.faults):
        yield unmeasured(row.name, RESULTS, "; ".join(row.faults))
    for row in matched.new:
        yield Finding(row.name, RESULTS, "new", note="; ".join(row.faults))
