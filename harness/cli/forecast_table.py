"""What `harness run --dry-run` shows: cells, what is done, what is shared, and what the rest will take."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from textwrap import wrap
from typing import TYPE_CHECKING, Any

from harness.cli.amounts import cell_count, duration, size
from harness.cli.budget_lines import choice_json, choice_lines

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from harness.matrix.budget import Choice
    from harness.matrix.forecast import Forecast
    from harness.matrix.totals import Totals
    from harness.spec import CellSpec

WIDTH = 100
"""Columns of a line, unless a terminal is narrower."""
INDENT = 11
"""Columns of the titles below the table."""


def show_plan(
    console: Console,
    specs: Sequence[CellSpec],
    forecasts: Mapping[str, Forecast],
    sums: Totals,
    device: str,
    choice: Choice | None = None,
    device_note: str | None = None,
) -> None:
    """Print a plan: a row for each method of a data set and backbone, over its seeds; then what they take together.

    Args:
        console: where to; one that is no terminal gets lines of `WIDTH` columns.
        specs: all cells of the plan.
        forecasts: of these, by hash.
        sums: over the cells that are to run, those taken where there is a choice.
        device: to run on.
        choice: what a budget allows; None without one.
        device_note: how the device is known, where that has to be said.
    """
    from rich.console import Console as Fixed

    wide = console if console.is_terminal else Fixed(file=console.file, width=max(console.width, WIDTH))
    wide.print(_table(specs, forecasts, choice))
    for title, text in [
        *_sums(sums, len(specs)),
        ("device", f"{device}: {device_note}" if device_note else device),
        *_sources(specs if choice is None else choice.specs, forecasts, device),
        *([] if choice is None else choice_lines(choice)),
    ]:
        lines = wrap(text, min(wide.width, WIDTH) - INDENT, break_on_hyphens=False) or [""]
        for place, line in enumerate(lines):
            shown = f"{title if place == 0 else '':{INDENT}s}{line}".rstrip()
            wide.print(shown, markup=False, highlight=False, soft_wrap=True)


def plan_json(
    specs: Sequence[CellSpec],
    forecasts: Mapping[str, Forecast],
    sums: Totals,
    device: str,
    choice: Choice | None = None,
    device_note: str | None = None,
) -> dict[str, Any]:
    """Return the same with every cell by itself, for scripts; see `show_plan`."""
    users = Counter(spec.teacher for spec in specs)
    keyed = [(spec.hash, spec) for spec in specs]
    cells = [
        {"hash": key, "name": spec.name, "teacher": spec.teacher, "used_by": users[key], **asdict(forecasts[key])}
        for key, spec in keyed
    ]
    budget = choice and choice_json(choice)
    return {"device": device, "device_note": device_note, "cells": cells, "totals": asdict(sums), "budget": budget}


def _table(specs: Sequence[CellSpec], forecasts: Mapping[str, Forecast], choice: Choice | None) -> Table:
    from rich.table import Table

    taken = None if choice is None else {spec.hash for spec in choice.specs}
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("cells", no_wrap=True)
    if taken is not None:
        table.add_column("taken", no_wrap=True)
    table.add_column("status", overflow="fold", min_width=9)
    for name in ("each", "left", "memory", "disk"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("from", overflow="fold", min_width=9)
    users = Counter(spec.teacher for spec in specs)
    for title, section in _sections(specs).items():
        table.add_row(title)
        for label, keys in section.items():
            shared = max(users[key] for key in keys)
            name = f"  {label} for {shared}" if shared else f"  {label}"
            table.add_row(name, *_row(keys, forecasts, taken))
    return table


def _sections(specs: Sequence[CellSpec]) -> dict[str, dict[str, list[str]]]:
    """Return the hashes of the cells by data set and backbone, and there by role, method and width; teachers first."""
    sections: dict[str, dict[str, list[str]]] = {}
    for spec in sorted(specs, key=lambda spec: spec.role == "student"):
        label = "teacher" if spec.role == "teacher" else spec.method.label
        section = sections.setdefault(f"{spec.dataset.name} {spec.backbone.name}", {})
        section.setdefault(f"{label} {spec.backbone.width:g}×", []).append(spec.hash)
    return sections


def _row(keys: Sequence[str], forecasts: Mapping[str, Forecast], taken: set[str] | None) -> list[str]:
    found = [forecasts[key] for key in keys]
    to_run = [cell for cell in found if cell.status != "finished"]
    hours = [cell.hours for cell in to_run if cell.hours is not None]
    known = len(hours) == len(to_run)
    peaks = [cell.memory_mib for cell in found if cell.memory_mib is not None]
    return [
        *([] if taken is None else [f"{sum(key in taken for key in keys)} of {len(keys)}"]),
        _standing(found),
        duration(max(hours) if known else None) if to_run else "",
        duration(sum(hours) if known else None) if to_run else "",
        size(max(peaks, default=None)),
        size(sum(cell.disk_mib for cell in found)),
        ", ".join(dict.fromkeys(cell.basis for cell in to_run)),
    ]


def _standing(found: Sequence[Forecast]) -> str:
    """Return how many of some cells are how far."""
    words = (
        "done"
        if cell.status == "finished"
        else f"{cell.status} at {1 - cell.left:.0%}"
        if cell.left < 1
        else cell.status
        for cell in found
    )
    return ", ".join(f"{times} {word}" for word, times in Counter(words).items())


def _sums(sums: Totals, planned: int) -> list[tuple[str, str]]:
    taken = f" of {planned} taken" if sums.cells < planned else ""
    to_run = sums.cells - sums.finished
    without = f"; {cell_count(sums.unknown)} more of unknown length" if sums.unknown else ""
    shared = f", {sums.processes} processes each" if sums.processes > 1 else ""
    clock = f"{duration(sums.wall_hours)} by the clock with {sums.slots} at once{shared}"
    time = "" if sums.unknown == to_run > 0 else f"{duration(sums.device_hours)} of the device, {clock}{without}"
    peak = f"{size(sums.memory_mib)} at most" if sums.memory_mib is not None else ""
    unseen = f"{cell_count(sums.memory_unknown)} of unknown peak" if sums.memory_unknown else ""
    room = "" if sums.fits else " WARNING: there is no room for that."
    return [
        ("", ""),
        ("cells", f"{sums.cells}{taken}: {sums.finished} done, {to_run} to run"),
        ("time left", time or "of unknown length"),
        ("memory", "; ".join(filter(None, (peak, unseen))) or "nothing to run"),
        (
            "disk",
            f"{size(sums.disk_mib)} in the end, {size(sums.disk_left_mib)} still to write, "
            f"{size(sums.disk_free_mib)} free.{room}",
        ),
    ]


def _sources(specs: Sequence[CellSpec], forecasts: Mapping[str, Forecast], device: str) -> Iterator[tuple[str, str]]:
    """Say what the column `from` means, what would make unknown hours known, and what other devices tell of them."""
    to_run = [(spec, forecasts[spec.hash]) for spec in specs if forecasts[spec.hash].status != "finished"]
    bases = {found.basis for _, found in to_run}
    if any("alike" in basis for basis in bases):
        yield "from", "'2 alike': two timings of such cells on this device"
    if any("×" in basis for basis in bases):
        yield (
            "from",
            "'none × 1.9': a timing of the network with that method or data set, times what this one costs more",
        )
    for name in sorted({found.ratio_from for _, found in to_run if found.ratio_from}):
        yield "from", f"what a method costs more was told by {name}"
    unknown = [(spec, found) for spec, found in to_run if found.unknown]
    if unknown:
        first, _ = min(unknown, key=lambda item: (_hours_elsewhere(item[1]), item[1].disk_mib))
        cells = cell_count(len(unknown))
        yield "unknown", f"No timing on {device} for {cells}. One that finishes tells of its network, as"
        yield "", f"--only '{first.name}'"
    hours: dict[str, list[float]] = {}
    for _, found in unknown:
        if found.elsewhere is not None:
            hours.setdefault(found.elsewhere.device, []).append(found.elsewhere.hours)
    for name, of in hours.items():
        yield "elsewhere", f"{len(of)} of them would take {duration(sum(of))} on {name}, which is another device"


def _hours_elsewhere(forecast: Forecast) -> float:
    return math.inf if forecast.elsewhere is None else forecast.elsewhere.hours
