"""The table of a matrix, as it is read: percent, marks and footnotes. Computed from results alone.

Nothing is dropped: a failed or missing cell is named in its row. Figures that were not made under one protocol are
never shown in one column without a footnote.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from harness.report.networks import network_notes
from harness.report.rows import Row
from harness.report.statistics import Spread
from harness.spec import DatasetSpec

ABSENT = "–"
PARTIAL, SYNTHETIC = "†", "‡"
GAIN = "Δ mIoU: points above the student without distillation, paired over the seeds that both have."


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


class Footnotes:
    """Numbers sentences in the order of their first use."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def mark(self, sentences: Sequence[str]) -> str:
        """Return the marks of sentences, for example `` [1] [2]``."""
        numbers = [self._numbers.setdefault(sentence, len(self._numbers) + 1) for sentence in sentences]
        return "".join(f" [{number}]" for number in numbers)

    def lines(self) -> list[str]:
        """Return the sentences with their marks."""
        return [f"[{number}] {sentence}" for sentence, number in self._numbers.items()]


def build_table(rows: Sequence[Row], title: str = "Accuracy and cost") -> Table:
    """Return the main table: accuracy over seeds, gain over the plain student, cost, seeds.

    Args:
        rows: of `harness.report.grouping.build_rows`.
        title: of the table.
    """
    notes = Footnotes()
    machines = sorted({machine for row in rows for machine in row.latency_ms})
    lines = []
    for row in rows:
        line = _names(row, rows, notes)
        line |= {"mIoU %": percent(row.miou), "Δ mIoU": gain(row)}
        line |= {"GMACs": number(row.gmacs, 1 if (row.gmacs or 0) >= 10 else 3)}
        line |= {"parameters, M": number(row.parameters_m, 2)}
        line |= {f"latency p50, ms ({machine})": number(row.latency_ms.get(machine), 1) for machine in machines}
        lines.append(line | {"seeds": seeds(row, notes)})
    return Table(title, pd.DataFrame(lines), (GAIN, *legend(rows), *notes.lines()))


def build_class_tables(rows: Sequence[Row]) -> list[Table]:
    """Return the mean IoU of every class over the seeds: a table for each list of classes, a row for each network."""
    lists = dict.fromkeys(tuple(row.iou) for row in rows if row.iou)
    if len(lists) < 2:
        return [_class_table(rows, tuple(next(iter(lists), ())), "IoU by class, %")]
    tables = []
    for classes in lists:
        names = {row.spec.dataset.name for row in rows if tuple(row.iou) == classes}
        members = [row for row in rows if row.spec.dataset.name in names and tuple(row.iou) in (classes, ())]
        tables.append(_class_table(members, classes, f"IoU by class on {', '.join(sorted(names))}, %"))
    return tables


def _class_table(rows: Sequence[Row], classes: tuple[str, ...], title: str) -> Table:
    notes = Footnotes()
    lines = []
    for row in rows:
        line = _names(row, rows, notes) | {"mIoU %": percent(row.miou)}
        lines.append(line | {name: percent(row.iou.get(name)) for name in classes})
    return Table(title, pd.DataFrame(lines), (*legend(rows), *notes.lines()))


def legend(rows: Sequence[Row]) -> list[str]:
    """Explain the marks that stand in a table, with counts."""
    lines = []
    for dataset in dict.fromkeys(row.spec.dataset.model_dump_json() for row in rows if row.spec.dataset.partial):
        spec = next(row.spec.dataset for row in rows if row.spec.dataset.model_dump_json() == dataset)
        held = ", ".join(f"{spec.scans[split]} of {spec.official_scans.get(split, 0)} {split}" for split in spec.scans)
        lines.append(f"{PARTIAL} partial data: {held} scans ({spec.name}, manifest {spec.manifest[:12]}).")
    if any(row.spec.dataset.synthetic for row in rows):
        lines.append(
            f"{SYNTHETIC} synthetic streets: no figure of the real data set, comparable within this table only."
        )
    return lines


def percent(figure: Spread | None) -> str:
    """Show a figure in 0–1 as percent: ``61.3 ± 0.4``."""
    if figure is None:
        return ABSENT
    return f"{100 * figure.mean:.1f}" + ("" if figure.sd is None else f" ± {100 * figure.sd:.1f}")


def gain(row: Row) -> str:
    """Show a row's gain as points, ``+1.2 ± 0.3``, and over how many seeds unless over all that are finished."""
    if row.delta is None:
        return ABSENT
    over = "" if row.delta.n == len(row.results) else f" ({row.delta.n} of {len(row.results)} seeds)"
    points = round(100 * row.delta.mean, 1) + 0.0  # no -0.0
    return f"{points:+.1f}" + ("" if row.delta.sd is None else f" ± {100 * row.delta.sd:.1f}") + over


def number(value: float | None, digits: int) -> str:
    """Show a figure with so many digits after the point."""
    return ABSENT if value is None else f"{value:.{digits}f}"


def seeds(row: Row, notes: Footnotes) -> str:
    """Say how many seeds stand behind a row, and name those that don't."""
    finished, planned = len(row.results), len(row.seeds)
    text = str(finished) if finished == planned else f"{finished} of {planned}"
    problems = [f"seed {seed} failed" for seed in sorted(row.failed)] + [f"seed {seed} missing" for seed in row.missing]
    claim = ["1 seed, no claim"] if finished == 1 else []
    remarks = "; ".join([*claim, *problems])
    reasons = [f"seed {seed} failed: {' '.join(reason.split())}" for seed, reason in sorted(row.failed.items())]
    return text + (f" ({remarks})" if remarks else "") + notes.mark(reasons)


def _names(row: Row, rows: Sequence[Row], notes: Footnotes) -> dict[str, str]:
    dataset = row.spec.dataset
    alone = all(other.spec.dataset == dataset for other in rows if other.spec.dataset.name == dataset.name)
    scans = ", ".join(f"{count} {split}" for split, count in dataset.scans.items())
    identity = [] if alone else [f"manifest {dataset.manifest[:12]}, {scans} scans: another set of data"]
    marks = (PARTIAL if dataset.partial else "") + (SYNTHETIC if dataset.synthetic else "")
    return {
        "data": dataset.name + _settings(dataset, rows) + marks + notes.mark(identity),
        "backbone": row.spec.backbone.name + notes.mark(network_notes(row.spec.backbone, dataset.name)),
        "network": row.label + notes.mark(row.differences),
    }


def _settings(dataset: DatasetSpec, rows: Sequence[Row]) -> str:
    """Say the settings of a data set by which it differs from others of its name in the table."""
    namesakes = [row.spec.dataset.settings for row in rows if row.spec.dataset.name == dataset.name]
    telling = [key for key in dataset.settings if any(other.get(key) != dataset.settings[key] for other in namesakes)]
    return f" ({', '.join(f'{key}={dataset.settings[key]}' for key in telling)})" if telling else ""
