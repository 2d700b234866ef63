"""Findings in words and figures for people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from harness.gate.finding import NOT_MEASURED, PASSED, REGRESSED, VERDICTS, Finding, exit_code

NOTHING = "–"
COLUMNS = ("of", "figure", "reference", "now", "change", "test", "verdict")
_HEADLINE: Mapping[int, str] = {PASSED: "passed", REGRESSED: "worse", NOT_MEASURED: "incomplete"}


def cells(finding: Finding) -> dict[str, str]:
    """Return a finding as the cells of a table, by column; what there is to say beside stands with the verdict."""
    note = f": {finding.note}" if finding.note else ""
    texts = (
        finding.subject,
        finding.figure,
        amount(finding.reference, finding.unit),
        amount(finding.now, finding.unit),
        change(finding),
        finding.test or NOTHING,
        f"{finding.verdict}{note}",
    )
    return dict(zip(COLUMNS, texts, strict=True))


def headline(findings: Sequence[Finding]) -> str:
    """Return the verdict on all findings, with their numbers: ``passed: 2 better, 140 pass``."""
    counts = Counter(finding.verdict for finding in findings)
    told = ", ".join(f"{counts[verdict]} {verdict}" for verdict in VERDICTS if counts[verdict])
    return f"{_HEADLINE[exit_code(findings)]}: {told or 'nothing compared'}"


def amount(value: float | None, unit: str) -> str:
    """Return a figure with its unit: ``57.12 %``, ``14.500 ms``, ``115.34 G``, ``1 520 331``."""
    if value is None:
        return NOTHING
    if unit == "%":
        return f"{100 * value:.2f} %"
    if unit:
        return f"{value:.5g} {unit}"
    return f"{value:,.0f}".replace(",", " ")


def change(finding: Finding) -> str:
    """Return the way from the reference to now: points of mIoU, percent of everything else."""
    there, here = finding.reference, finding.now
    if there is None or here is None:
        return NOTHING
    if there == here:
        return "none"
    if finding.unit == "%":
        return signed(100 * (here - there)) + " points"
    return signed(100 * (here / there - 1)) + "%" if there else NOTHING


def signed(value: float) -> str:
    """Return a number with its sign, the minus as it is printed: ``+0.31``, ``−3.23``."""
    return f"{value:+.2f}".replace("-", "−")
