"""Figures that others published, to be read beside measured ones. Recalled figures are never shown as published."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Literal, get_args

import pandas as pd

from harness.errors import HarnessError
from harness.report.cells import ABSENT, Footnotes
from harness.report.tables import Table
from harness.spec import DatasetName
from harness.version import DISTRIBUTION

Seen = Literal["primary", "secondary", "recalled"]
FOLDER = "published"


@dataclass(frozen=True)
class PublishedFigure:
    """One line of `results/published/published.csv`.

    Attributes:
        task: benchmark, for example ``SemanticKITTI single-scan``.
        split: val or test; empty when the source doesn't say.
        model: network and method.
        metric: ``miou`` (0–1 here, percent in the file), ``gmacs``, ``parameters_m`` or ``latency_ms``.
        value: the figure.
        source: where it was read.
        year: of the source; None when unknown.
        tta: yes, no, or empty when the source doesn't say.
        tricks: what else the figure contains.
        seen: primary (read in the source itself), secondary (read elsewhere) or recalled (from memory).
        spread: ± of the source, in the unit of the value; None when it gives none.
        note: whose run it is.
    """

    task: str
    split: str
    model: str
    metric: str
    value: float
    source: str
    year: int | None
    tta: str
    tricks: str
    seen: Seen
    spread: float | None
    note: str


TASKS: dict[DatasetName, str] = {
    "semantickitti": "SemanticKITTI single-scan",
    "semantickitti-multiscan": "SemanticKITTI multi-scan",
    "nuscenes": "nuScenes lidarseg",
}
"""What the file calls each data set's task."""


def published_tables(datasets: Iterable[DatasetName]) -> list[Table]:
    """Return the published figures of the tasks that a table is about; a task without any has no table."""
    tables = [published_table(TASKS[name]) for name in sorted(set(datasets), reverse=True)]
    return [table for table in tables if len(table.frame)]


def published_table(task: str, title: str = "Published by others") -> Table:
    """Return the published mIoU of a task, each with what sets its protocol apart. Recalled figures are left out."""
    notes = Footnotes()
    lines = []
    for figure in load_published():
        if figure.metric != "miou" or figure.task != task or figure.seen == "recalled":
            continue
        spread = "" if figure.spread is None else f" ± {100 * figure.spread:.1f}"
        digits = 2 if round(1000 * figure.value, 6) % 1 else 1
        lines.append(
            {
                "task": figure.task,
                "split": figure.split or ABSENT,
                "model": figure.model,
                "mIoU %": f"{100 * figure.value:.{digits}f}{spread}" + notes.mark(_remarks(figure)),
                "source": figure.source + (f", {figure.year}" if figure.year else ""),
            }
        )
    return Table(f"{title}: {task}", pd.DataFrame(lines), tuple(notes.lines()))


def load_published() -> tuple[PublishedFigure, ...]:
    """Read `results/published/published.csv`.

    Raises:
        HarnessError: the file is missing or a line is malformed.
    """
    path = published_folder() / "published.csv"
    with path.open(encoding="utf-8", newline="") as file:
        return tuple(
            _parse(line, f"{path}, line {number}") for number, line in enumerate(csv.DictReader(file), start=2)
        )


def load_nuscenes_classes() -> pd.DataFrame:
    """Read the published nuScenes val figures by class: task, split, model, class, iou (0–1), source, seen."""
    frame = pd.read_csv(published_folder() / "nuscenes_val_per_class.csv")
    return frame.assign(iou=frame["iou"] / 100)


def published_folder() -> Path:
    """Return the folder of the published figures: that of the working copy, or where an installation put it."""
    checkout = Path(__file__).parents[2] / "results" / FOLDER
    if checkout.is_dir():
        return checkout
    for file in _installed_files():
        if file.parts[-3:] == (DISTRIBUTION, FOLDER, "published.csv"):
            return Path(str(file.locate())).resolve().parent
    raise HarnessError(
        checkout, "no such folder", "the published figures of this project", f"Install {DISTRIBUTION} again."
    )


def _installed_files() -> list[metadata.PackagePath]:
    try:
        return metadata.files(DISTRIBUTION) or []
    except metadata.PackageNotFoundError:
        return []


def _parse(line: dict[str, str], where: str) -> PublishedFigure:
    try:
        scale = 0.01 if line["metric"] == "miou" else 1.0
        if line["seen"] not in get_args(Seen):
            raise ValueError(f"seen is {line['seen']!r}")
        return PublishedFigure(
            task=line["task"],
            split=line["split"],
            model=line["model"],
            metric=line["metric"],
            value=scale * float(line["value"]),
            source=line["source"],
            year=int(line["year"]) if line["year"] else None,
            tta=line["tta"],
            tricks=line["tricks"],
            seen=line["seen"],  # type: ignore[arg-type]
            spread=scale * float(line["spread"]) if line["spread"] else None,
            note=line["note"],
        )
    except (KeyError, TypeError, ValueError) as error:
        raise HarnessError(where, str(error), "a complete line of the published figures", "Mend the file.") from error


def _remarks(figure: PublishedFigure) -> list[str]:
    """Say what sets a figure's protocol apart from this project's."""
    remarks = [figure.note] if figure.note else []
    if figure.split == "test":
        remarks.append("scored on the test set by the leaderboard's server")
    if figure.tta == "yes":
        remarks.append("with test-time augmentation")
    if figure.tricks:
        remarks.append(f"with {figure.tricks}")
    if figure.seen == "secondary":
        remarks.append("read in a later source, not in the original")
    return remarks
