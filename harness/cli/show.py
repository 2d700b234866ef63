"""`harness show`: one cell."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.cli.options import json_option, out_option, png_path, print_json
from harness.errors import HarnessError
from harness.plain_text import plain

if TYPE_CHECKING:
    from harness.cli.overview import CellRow
    from harness.cli.repeat import Repetition
    from harness.spec import CellResult
    from harness.store import CellFolder

Rows = list[dict[str, Any]]


@click.command("show")
@click.argument("cell")
@out_option
@click.option(
    "--png",
    type=click.Path(path_type=Path, dir_okay=False),
    callback=png_path,
    help="Draw the course of each term here.",
)
@json_option
def command(cell: str, out: Path, png: Path | None, as_json: bool) -> None:
    """Show CELL: what it is, what came out, where it comes from, what happened to it, and how to repeat it.

    CELL is a folder name of the store, its hash, or any part of it that only one cell has. A bar of a course is the
    mean of its share of the steps. With --json, "curves" holds the mean of each term over each epoch, counted from 0.
    "card" tells what the numbers rest on, "card_with_views" the same for test-time augmentation.
    The command that repeats the cell can be run in any folder; it says what decides the bytes besides.

    \b
    Examples:
      harness show --out runs pvd
      harness show --out runs pvd --png curves.png
      harness show --out runs 1a2b3c4d5e6f --json
    """
    from harness.cli.overview import Overview
    from harness.cli.repeat import repetition
    from harness.metrics import MetricsLog
    from harness.store import Store

    folder = Store(out).find(cell)
    [row] = Overview(Store(out), [folder.cell]).rows()
    rows = MetricsLog(folder.metrics).rows()
    if png is not None:
        _draw(rows, png, folder)
    if as_json:
        _print_record(folder, row, rows, png)
        return
    _show_spec(folder, row)
    result = folder.result()
    if result is not None:
        _show_result(result)
    if rows:
        _show_curves(rows)
    _show_events(folder)
    _show_repetition(repetition(folder, result))
    if png is not None:
        click.echo(f"picture: {png}")


def _draw(rows: Rows, png: Path, folder: CellFolder) -> None:
    """Draw the curves.

    Raises:
        HarnessError: no step was made yet.
    """
    from harness.report.curves import draw_curves

    if not rows:
        remedy = "Run its matrix, or leave --png away."
        raise HarnessError(f"cell {folder.cell}", "no step in its log", "a cell that has begun to train", remedy)
    draw_curves(rows, png, f"{folder.cell} ({folder.status()})")


def _print_record(folder: CellFolder, row: CellRow, rows: Rows, png: Path | None) -> None:
    from harness.cli.repeat import repetition
    from harness.metrics import epoch_means
    from harness.report.card import card_of_cell, card_with_views

    result = folder.result()
    finished = result if result is not None and result.status == "finished" else None
    record = {
        "cell": folder.cell,
        "status": row.status,
        "spec": folder.spec().model_dump(mode="json"),
        "result": None if result is None else result.model_dump(mode="json"),
        "card": None if finished is None else card_of_cell(finished),
        "card_with_views": None if finished is None or finished.tta is None else card_with_views(finished),
        "progress": None if row.progress is None else row.progress.model_dump(mode="json"),
        "events": folder.events(),
        "repeat": asdict(repetition(folder, result)),
        "curves": epoch_means(rows),
    }
    print_json(record | ({} if png is None else {"png": png}))


def _show_spec(folder: CellFolder, row: CellRow) -> None:
    """Print what a cell is and, where it runs, how far it is."""
    from harness.cli.amounts import counted
    from harness.cli.changes import row_details
    from harness.cli.folded import folded
    from harness.report.flat import flat_method, flatten

    spec = folder.spec()
    click.echo(f"{folder.cell}  {row.status}")
    if row.progress is not None:
        click.echo(f"  {row_details(row)}")
    backbone = spec.backbone
    grid = "grid of its own" if backbone.voxel_size_m is None else f"{backbone.voxel_size_m:g} m voxels"
    epochs = counted(spec.recipe.epochs, "epoch")
    for line in (
        backbone.name + _listed(dict(flatten(backbone.settings))),
        f"width {backbone.width:g}, {grid}, engine {spec.engine}",
        f"method {spec.method.name}{_listed(flat_method(spec.method))}",
        f"recipe {spec.recipe.name}: {epochs} of batch {spec.recipe.batch_size}, seed {spec.seed}",
    ):
        for piece in folded(line, "  "):
            click.echo(piece)


def _listed(settings: Mapping[str, str]) -> str:
    return f": {', '.join(f'{key} {value}' for key, value in settings.items())}" if settings else ""


def _show_curves(rows: Rows) -> None:
    """Print the course of each term, whichever steps have it, and of the learning rate."""
    from harness.cli.amounts import counted
    from harness.cli.sparkline import curve_lines

    names = dict.fromkeys(name for row in rows for name in row["terms"])
    series = {name: [row["terms"][name] for row in rows if name in row["terms"]] for name in names}
    epochs = counted(len({row["epoch"] for row in rows}), "epoch")
    click.echo(f"  {counted(len(rows), 'step')} in {epochs}")
    rates = {"learning rate": [row["lr"] for row in rows]}
    for line in curve_lines(series | rates, shutil.get_terminal_size((100, 24)).columns - 2):
        click.echo(f"  {line}".rstrip())


def _show_events(folder: CellFolder) -> None:
    """Print what happened to a cell."""
    from harness.cli.timeline import timeline

    lines = timeline(folder.events())
    click.echo("  events" if lines else "  no events yet")
    for line in lines:
        click.echo(f"    {line}")


def _show_repetition(repeat: Repetition) -> None:
    """Print the command that repeats a cell, on a line of its own that can be copied."""
    if repeat.command is not None:
        click.echo(f"  to repeat it\n    {repeat.command}")
    for condition in repeat.conditions:
        click.echo(f"    {condition}" if repeat.command else f"  no command repeats it: {condition}")


def _show_result(result: CellResult) -> None:
    """Print the figures of a result, what they rest on and where they come from."""
    from harness.cli.figures import figure_lines
    from harness.cli.origin import origin_lines

    if result.reason is not None:
        click.echo(f"  failed: {plain(result.reason)}")
    else:
        for line in figure_lines(result):
            click.echo(f"  {line}")
    for line in () if result.provenance is None else origin_lines(result.provenance):
        click.echo(f"  {line}")
