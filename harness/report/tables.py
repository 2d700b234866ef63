"""The table of a matrix, as it is read: percent, marks and footnotes. Computed from results alone.

Nothing is dropped: a failed or missing cell is named in its row. Figures that were not made under one protocol are
never shown in one column without a footnote.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from harness.report.cells import (
    SAME,
    Footnotes,
    accuracy,
    accuracy_alone,
    gain_interval,
    mean_interval,
    part,
    points,
    seeds,
)
from harness.report.columns import costs, legend, names, times
from harness.report.rows import Row
from harness.statistics.scores import DRAWS

GAIN = "Δ mIoU: points above the student without distillation, paired over the seeds that both have."
OF_MEAN, OF_GAIN = "95 % interval", "95 % interval of Δ"
RATIO = "ratio: teacher over student, of the same backbone and data."


@dataclass(frozen=True)
class Table:
    """A table to be read.

    Attributes:
        title: one line.
        frame: text in every cell.
        footnotes: sentences below it, each with the mark it explains.
    """

    title: str
    frame: pd.DataFrame
    footnotes: tuple[str, ...]


def build_table(rows: Sequence[Row], title: str = "Accuracy and cost") -> Table:
    """Return the main table: accuracy over seeds, gain over the plain student, cost, seeds.

    Args:
        rows: of `harness.report.grouping.build_rows`.
        title: of the table.
    """
    notes = Footnotes()
    lines = []
    for row, latency in zip(rows, times(rows, notes), strict=True):
        line = names(row, rows, notes)
        line |= _figures(row, rows, notes)
        lines.append(line | costs(row, rows) | latency | {"seeds": seeds(row, notes)})
    return Table(title, pd.DataFrame(lines), (GAIN, *_rules(rows), *legend(rows), *notes.lines()))


def _figures(row: Row, rows: Sequence[Row], notes: Footnotes) -> dict[str, str]:
    """Return accuracy and gain, each with its interval where a row of the table has one."""
    line = {"mIoU %": accuracy(row, notes)}
    if any(other.interval for other in rows):
        line[OF_MEAN] = mean_interval(row, notes)
    line["Δ mIoU"] = points(row, notes)
    if any(other.gain and other.gain.comparison for other in rows):
        line[OF_GAIN] = gain_interval(row)
    return line


def _rules(rows: Sequence[Row]) -> list[str]:
    """Explain intervals, how gains were tested and what a ratio is, where there are any."""
    intervals = [row.interval for row in rows if row.interval is not None]
    tested = [row.gain.comparison for row in rows if row.gain is not None and row.gain.comparison is not None]
    least = min((comparison.wilcoxon_least_p for comparison in tested), default=0.0)
    ranks = [
        f"Wilcoxon's signed-rank test over the seeds stands in the CSV and JSON tables: too few pairs to reach p < .05 "
        f"({least:g} at best)."
    ]
    return [
        *([_interval_rule(any(interval.stretches for interval in intervals))] if intervals else []),
        *([_gain_rule(any(comparison.interval.stretches for comparison in tested))] if tested else []),
        *(ranks if least >= 0.05 else []),
        *([RATIO] if any(row.macs_ratio or row.parameters_ratio for row in rows) else []),
    ]


def _interval_rule(roads: bool) -> str:
    of = (
        f"all seeds and roads like these, by bootstrap over stretches of road ({DRAWS} draws)" if roads else "all seeds"
    )
    return f"{OF_MEAN}: of the mean over {of}; of each row by itself, not corrected for the others."


def _gain_rule(roads: bool) -> str:
    over = f"seeds and stretches of road ({DRAWS} draws)" if roads else "seeds"
    return (
        f"{SAME} not distinguishable from the student without distillation: p ≥ .05, paired over {over}, after Holm's "
        "correction for all rows compared with that student."
    )


def build_class_tables(rows: Sequence[Row]) -> list[Table]:
    """Return the mean IoU of every class over the seeds: a table for each list of classes, a row for each network."""
    lists = dict.fromkeys(tuple(row.iou) for row in rows if row.iou)
    if len(lists) < 2:
        return [_class_table(rows, tuple(next(iter(lists), ())), "IoU by class, %")]
    tables = []
    for classes in lists:
        datasets = {row.spec.dataset.name for row in rows if tuple(row.iou) == classes}
        members = [row for row in rows if row.spec.dataset.name in datasets and tuple(row.iou) in (classes, ())]
        tables.append(_class_table(members, classes, f"IoU by class on {', '.join(sorted(datasets))}, %"))
    return tables


def _class_table(rows: Sequence[Row], classes: tuple[str, ...], title: str) -> Table:
    notes = Footnotes()
    lines = []
    for row in rows:
        line = names(row, rows, notes) | {"mIoU %": accuracy_alone(row, notes)}
        iou = row.iou
        lines.append(line | {name: part(iou.get(name), row, notes) for name in classes})
    return Table(title, pd.DataFrame(lines), (*legend(rows), *notes.lines()))
