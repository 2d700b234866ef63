"""Peak memory: no more than 3 % above that of the reference."""

from __future__ import annotations

from harness.gate.finding import Finding, Verdict, unmeasured
from harness.gate.rows import Row
from harness.spec import CellResult, plain_device

MOST = 1.03
FIGURE = "peak memory of training"


def gate_training_memory(there: Row, here: Row) -> Finding:
    """Compare the largest peak of any seed, where the trainings were of one kind.

    Args:
        there: of the reference.
        here: its counterpart, which has results.
    """
    kinds = [sorted({kind for result in row.finished for kind in _kinds(result)}) for row in (there, here)]
    if kinds[0] != kinds[1]:
        return unmeasured(
            there.name, FIGURE, f"trained on {'; '.join(kinds[1])}, the reference on {'; '.join(kinds[0])}"
        )
    return judge_peak(there.name, FIGURE, _peak(there), _peak(here))


def judge_peak(subject: str, figure: str, reference: float, now: float) -> Finding:
    """Judge a peak, MiB."""
    verdict: Verdict = "regression" if now > MOST * reference else "better" if now * MOST < reference else "pass"
    note = "renew the reference?" if verdict == "better" else ""
    return Finding(subject, figure, verdict, reference, now, "MiB", f"at most {MOST - 1:.0%} more", note)


def _peak(row: Row) -> float:
    return max(result.training.peak_memory_mib for result in row.finished if result.training is not None)


def _kinds(result: CellResult) -> list[str]:
    """Say what of a training decides its memory beside the network: device, processes, micro-batch."""
    training = result.training
    if training is None:
        return []
    return [
        plain_device(device)
        + (f", {training.processes} processes" if training.processes > 1 else "")
        + (f", micro-batch {training.micro_batch}" if training.micro_batch else "")
        for device in training.devices
    ]
