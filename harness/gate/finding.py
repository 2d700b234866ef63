"""What the gate found about one figure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Verdict = Literal["regression", "could not measure", "new", "better", "pass"]
Unit = Literal["", "%", "G", "ms", "MiB"]

VERDICTS: tuple[Verdict, ...] = ("regression", "could not measure", "new", "better", "pass")
"""Worst first."""

PASSED, REGRESSED, NOT_MEASURED = 0, 1, 2
"""Exit codes."""


@dataclass(frozen=True)
class Finding:
    """One figure of one network, now and in the reference.

    Attributes:
        subject: what the figure is of: a row, several rows together, a network on a device.
        figure: its name.
        verdict: ``new`` is what the reference does not have; ``better`` what it should be renewed for. Both pass.
        reference: the figure there; None where there is none.
        now: the figure of the run; None where there is none.
        unit: of both; "" is a count, and a ``%`` is one of mIoU, whose changes are told in points.
        test: how the two were compared, with the numbers that decided.
        note: why something could not be measured, or where a difference is.
    """

    subject: str
    figure: str
    verdict: Verdict
    reference: float | None = None
    now: float | None = None
    unit: Unit = ""
    test: str = ""
    note: str = ""


def unmeasured(subject: str, figure: str, note: str) -> Finding:
    """Return the finding that a figure could not be compared, and why."""
    return Finding(subject, figure, "could not measure", note=note)


def exit_code(findings: Sequence[Finding]) -> int:
    """Return 1 when there is a regression, else 2 when a figure could not be compared, else 0.

    Nothing compared is nothing shown: without any finding it is 2.
    """
    verdicts = {finding.verdict for finding in findings}
    if "regression" in verdicts:
        return REGRESSED
    return NOT_MEASURED if "could not measure" in verdicts or verdicts <= {"new"} else PASSED
