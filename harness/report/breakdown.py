"""mIoU by distance from the sensor, or by sequence or scene: where a gain comes from."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from harness.evaluate.stretches import sequence_scores
from harness.report.cells import ABSENT, Footnotes, accuracy_alone, part, refusals
from harness.report.columns import legend, names
from harness.report.records import flat_identity, identity, spread_record
from harness.report.rows import Row
from harness.report.statistics import scoring_rule
from harness.report.tables import Table
from harness.spec import CellResult
from harness.statistics.spread import Spread, spread

By = Literal["distance", "sequence"]
Figures = tuple[float | None, dict[str, float | None]]
"""MIoU and IoU by class name of a part, 0–1; None where the rule finds none."""

MOST_COLUMNS = 12
"""Sequences that have a column each; of more, a table tells their distribution."""
OLD = "by a version before 0.6, which recorded no parts of a score"


@dataclass(frozen=True)
class Part:
    """What the seeds of a row score on a part of the evaluation split.

    Attributes:
        miou: 0–1; None where the rule finds no class to average.
        iou: by class name, 0–1; None for a class that the rule leaves out.
    """

    miou: Spread | None
    iou: dict[str, Spread | None]


def break_down(row: Row, by: By) -> dict[str, Part]:
    """Return the parts of a row's scores by name, in order; none where they were not recorded."""
    found: dict[str, list[Figures]] = {}
    for result in row.scored.values():
        for name, figures in PARTS[by](result):
            found.setdefault(name, []).append(figures)
    return {name: _over_seeds(seeds) for name, seeds in found.items()}


def breakdown_tables(rows: Sequence[Row], by: By) -> list[Table]:
    """Return mIoU by part: bands in one table, sequences in one for each set of data."""
    if by == "distance":
        return [_columns(rows, by, "mIoU by distance, %")]
    tables = []
    for data in dict.fromkeys(row.spec.dataset.model_dump_json() for row in rows):
        members = [row for row in rows if row.spec.dataset.model_dump_json() == data]
        title = f"mIoU by {_called(members)} on {members[0].spec.dataset.name}, %"
        few = len({name for row in members for name in break_down(row, by)}) <= MOST_COLUMNS
        tables.append(_columns(members, by, title) if few else _distribution(members, title))
    return tables


def breakdown_records(rows: Sequence[Row], by: By) -> list[dict[str, Any]]:
    """Return one record for every part of every row: what the row is, then by, part, miou_mean, miou_sd, seeds, iou."""
    return [
        {
            **identity(row),
            "by": by,
            "part": name,
            **spread_record("miou", found.miou),
            "seeds": 0 if found.miou is None else found.miou.n,
            "iou": {label: None if figure is None else figure.mean for label, figure in found.iou.items()},
        }
        for row in rows
        for name, found in break_down(row, by).items()
    ]


def breakdown_frame(rows: Sequence[Row], by: By) -> pd.DataFrame:
    """Return the records as a table, a column for each class."""
    return pd.json_normalize([record | flat_identity(record) for record in breakdown_records(rows, by)])


def _columns(rows: Sequence[Row], by: By, title: str) -> Table:
    notes = Footnotes()
    parts = [break_down(row, by) for row in rows]
    heads = dict.fromkeys(name for own in parts for name in own)
    lines = []
    for row, own in zip(rows, parts, strict=True):
        line = names(row, rows, notes) | {"mIoU %": accuracy_alone(row, notes) + notes.mark(_lacking(row, own))}
        lines.append(line | {name: _shown(row, own, name, notes) for name in heads})
    return Table(title, pd.DataFrame(lines), (*legend(rows), *notes.lines()))


def _shown(row: Row, own: Mapping[str, Part], name: str, notes: Footnotes) -> str:
    return part(own[name].miou if name in own else None, row, notes) if own else ABSENT


def _distribution(rows: Sequence[Row], title: str) -> Table:
    """Show the number of sequences, quartiles, extremes by name, and in how many a row is above its student."""
    notes, what = Footnotes(), _called(rows)
    lines = []
    for row in rows:
        parts = break_down(row, "sequence")
        own = _means(parts)
        remarks = [*_lacking(row, parts), *_not_all_seeds(row, parts, what)]
        line = names(row, rows, notes) | {"mIoU %": accuracy_alone(row, notes) + notes.mark(remarks)}
        baseline = {} if row.baseline is None else _means(break_down(row.baseline, "sequence"))
        lines.append(line | _summary(own, baseline, what))
    quartiles = (
        f"25 %, 75 %: a quarter of the {what}s score at most, or at least, so much. CSV and JSON have every {what}."
    )
    return Table(title, pd.DataFrame(lines), (quartiles, *legend(rows), *notes.lines()))


def _summary(own: dict[str, float], baseline: dict[str, float], what: str) -> dict[str, str]:
    shared = own.keys() & baseline.keys()
    line = dict.fromkeys((f"{what}s", "lowest", "25 %", "median", "75 %", "highest", "above the student in"), ABSENT)
    if own:
        low, middle, high = (f"{100 * value:.1f}" for value in np.quantile(list(own.values()), [0.25, 0.5, 0.75]))
        least, most = min(own, key=own.__getitem__), max(own, key=own.__getitem__)
        line |= {f"{what}s": str(len(own)), "25 %": low, "median": middle, "75 %": high}
        line |= {"lowest": f"{100 * own[least]:.1f} ({least})", "highest": f"{100 * own[most]:.1f} ({most})"}
    if shared:
        line["above the student in"] = f"{sum(own[name] > baseline[name] for name in shared)} of {len(shared)}"
    return line


def _not_all_seeds(row: Row, parts: Mapping[str, Part], what: str) -> list[str]:
    fewer = sum(1 for found in parts.values() if found.miou is None or found.miou.n < len(row.scored))
    if not fewer:
        return []
    have = "has" if fewer == 1 else "have"
    return [f"{fewer} of {len(parts)} {what}s {have} no score of some of the {len(row.scored)} seeds"]


def _called(rows: Sequence[Row]) -> str:
    return "scene" if rows[0].spec.dataset.name == "nuscenes" else "sequence"


def _means(parts: Mapping[str, Part]) -> dict[str, float]:
    return {name: found.miou.mean for name, found in parts.items() if found.miou is not None}


def _lacking(row: Row, parts: Mapping[str, Part]) -> list[str]:
    return [OLD] if row.scored and not parts and not refusals(row) else []


def _over_seeds(seeds: Sequence[Figures]) -> Part:
    classes = dict.fromkeys(name for _, iou in seeds for name in iou)
    by_class = {name: [iou.get(name) for _, iou in seeds] for name in classes}
    return Part(
        miou=spread([miou for miou, _ in seeds if miou is not None]),
        iou={name: spread([value for value in values if value is not None]) for name, values in by_class.items()},
    )


def _bands(result: CellResult) -> Iterator[tuple[str, Figures]]:
    for band in () if result.score is None else result.score.by_distance:
        yield f"{band.above_m:.0f}–{band.below_m:.0f} m", (band.miou, band.iou)


def _sequences(result: CellResult) -> Iterator[tuple[str, Figures]]:
    if result.score is not None and (rule := scoring_rule(result)) is not None:
        for name, score in sequence_scores(rule, result.score.stretches, tuple(result.score.iou)).items():
            yield name, (score.miou, score.iou)


PARTS: dict[By, Callable[[CellResult], Iterator[tuple[str, Figures]]]] = {"distance": _bands, "sequence": _sequences}
"""How the score of a cell falls into parts."""
