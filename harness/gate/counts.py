"""What is counted, and so exactly equal or changed: parameters, MACs, sites, pairs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Literal

from harness.gate.finding import Finding, Unit, unmeasured
from harness.gate.rows import Row
from harness.spec import CellResult, MacsResult

Count = tuple[int, ...]
Figure = Literal["parameters", "MACs", "sites", "pairs"]

_OF_SCANS: dict[Figure, Callable[[MacsResult], Sequence[Count]]] = {
    "MACs": lambda macs: [(count,) for count in macs.macs],
    "sites": lambda macs: macs.sites,
    "pairs": lambda macs: [(count,) for count in macs.pairs],
}
FIGURES: tuple[Figure, ...] = ("parameters", *_OF_SCANS)
NETWORK = ""
"""Stands for a scan in what is counted once."""


def gate_counts(there: Row, here: Row) -> list[Finding]:
    """Compare what every seed of a row counts alike, the last three scan by scan.

    Args:
        there: of the reference.
        here: its counterpart, which has results.
    """
    return [_compare(there, here, figure) for figure in FIGURES]


def _compare(there: Row, here: Row, figure: Figure) -> Finding:
    wanted: dict[str, Count] = {}
    for result in there.finished:
        for scan, count in _counts(result, figure).items():
            if wanted.setdefault(scan, count) != count:
                return unmeasured(there.name, figure, f"the seeds of the reference differ on {scan or 'it'}")
    if not wanted:
        return unmeasured(there.name, figure, "the reference does not list them scan by scan: renew it")
    found = [_counts(result, figure) for result in here.finished]
    if missing := sorted(scan for scan in wanted if any(scan not in counts for counts in found)):
        note = f"not counted on {len(missing)} of the reference's {len(wanted)} scans, as {missing[0]}"
        return unmeasured(there.name, figure, note)
    return _judge(there.name, figure, wanted, found)


def _counts(result: CellResult, figure: Figure) -> dict[str, Count]:
    """Return counts by scan; none of a result of a version before 0.6, which has no lists."""
    if figure == "parameters":
        return {NETWORK: (result.parameters or 0,)}
    macs = result.macs
    return {} if macs is None else dict(zip(macs.scan_ids, _OF_SCANS[figure](macs), strict=False))


def _judge(subject: str, figure: Figure, wanted: Mapping[str, Count], found: Sequence[Mapping[str, Count]]) -> Finding:
    """Compare counts by scan; a figure is shown as its mean over the scans."""
    differences = list(_differences(wanted, found))
    unit: Unit = "G" if figure == "MACs" else ""
    scale = len(wanted) * (1e9 if unit else 1)
    worst = max(found, key=lambda counts: abs(_sum(counts, wanted) - _sum(wanted, wanted)))
    return Finding(
        subject=subject,
        figure=figure,
        verdict="regression" if differences else "pass",
        reference=_sum(wanted, wanted) / scale,
        now=_sum(worst, wanted) / scale,
        unit=unit,
        test="equal",
        note=differences[0] + (f" and {len(differences) - 1} more" if differences[1:] else "") if differences else "",
    )


def _differences(wanted: Mapping[str, Count], found: Sequence[Mapping[str, Count]]) -> Iterator[str]:
    for counts in found:
        for scan, count in wanted.items():
            if counts[scan] != count:
                where = "" if scan == NETWORK else f"scan {scan}: "
                yield f"{where}{_text(count)} → {_text(counts[scan])}"


def _sum(counts: Mapping[str, Count], scans: Mapping[str, Count]) -> int:
    return sum(sum(counts[scan]) for scan in scans)


def _text(count: Count) -> str:
    return ", ".join(map(str, count))
