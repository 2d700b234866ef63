"""What the rows of a group are worth beside each other: gains over the plain student, and the teacher's cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from harness.report.facts import spec_facts
from harness.report.rows import Row
from harness.report.statistics import gain_over, score_results
from harness.statistics.holm import holm
from harness.statistics.interval import mean_interval


def compare_rows(members: Sequence[Row]) -> None:
    """Fill in the interval of every row of a group, its gain, and what its teacher costs more.

    Holm's correction is over all rows that are compared with one and the same plain student, the teacher among them.
    """
    plain = [row for row in members if row.plain]
    scored = {id(row): score_results(row.results) for row in members}
    for row in members:
        own = scored[id(row)]
        row.interval = None if own is None else mean_interval(own.scores)
        row.macs_ratio, row.parameters_ratio = _teacher_ratios(row, members)
        row.baseline = None if row.plain else _baseline(row, plain)
        if row.baseline is not None:
            row.gain = gain_over(own, scored[id(row.baseline)])
    for baseline in plain:
        _adjust([row for row in members if row.baseline is baseline])


def _adjust(rows: Sequence[Row]) -> None:
    tested = [(row, row.gain, row.gain.comparison.p) for row in rows if row.gain and row.gain.comparison]
    for (row, gain, _), adjusted in zip(tested, holm([p for _, _, p in tested]), strict=True):
        row.gain = replace(gain, p_holm=adjusted)


def _baseline(row: Row, plain: Sequence[Row]) -> Row | None:
    """Find the student without distillation of the same recipe, and of the same width unless `row` is a teacher."""
    candidates = [other for other in plain if spec_facts(other.spec) == spec_facts(row.spec) and other.tta == row.tta]
    if row.spec.role == "student":
        candidates = [other for other in candidates if other.spec.backbone.width == row.spec.backbone.width]
    return candidates[0] if len(candidates) == 1 else None


def _teacher_ratios(row: Row, members: Sequence[Row]) -> tuple[float | None, float | None]:
    """Return multiply-accumulates and parameters of the group's teacher over those of a student.

    None for teachers themselves, where there is no teacher, where several differ, and of MACs where both were not
    counted on as many scans.
    """
    if row.spec.role == "teacher":
        return None, None
    teachers = [other for other in members if other.spec.role == "teacher"]
    macs = {other.gmacs for other in teachers if other.gmacs and _counted(other) == _counted(row)}
    parameters = {other.parameters_m for other in teachers if other.parameters_m}
    return _ratio(macs, row.gmacs), _ratio(parameters, row.parameters_m)


def _counted(row: Row) -> set[tuple[int, tuple[str, ...]]]:
    return {(macs.scans, macs.scan_ids) for result in row.results.values() if (macs := result.macs) is not None}


def _ratio(of_teachers: set[float], own: float | None) -> float | None:
    return of_teachers.pop() / own if len(of_teachers) == 1 and own else None
