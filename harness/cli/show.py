"""`harness show`: one cell."""

from __future__ import annotations

import shutil
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.cli.options import json_option, out_option, png_path, print_json
from harness.errors import HarnessError

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

    result = folder.result()
    record = {
        "cell": folder.cell,
        "status": row.status,
        "spec": folder.spec().model_dump(mode="json"),
        "result": None if result is None else result.model_dump(mode="json"),
        "progress": None if row.progress is None else row.progress.model_dump(mode="json"),
        "events": folder.events(),
        "repeat": asdict(repetition(folder, result)),
        "curves": epoch_means(rows),
    }
    print_json(record | ({} if png is None else {"png": png}))


def _show_spec(folder: CellFolder, row: CellRow) -> None:
    """Print what a cell is and, where it runs, how far it is."""
    from harness.cli.changes import row_details

    spec = folder.spec()
    click.echo(f"{folder.cell}  {row.status}")
    if row.progress is not None:
        click.echo(f"  {row_details(row)}")
    backbone = spec.backbone
    grid = "grid of its own" if backbone.voxel_size_m is None else f"{backbone.voxel_size_m:g} m voxels"
    click.echo(f"  {backbone.name} {backbone.settings or ''}".rstrip())
    click.echo(f"  width {backbone.width:g}, {grid}, engine {spec.engine}")
    click.echo(f"  method {spec.method.name} {spec.method.settings or ''}".rstrip())
    click.echo(
        f"  recipe {spec.recipe.name}: {spec.recipe.epochs} epochs of batch {spec.recipe.batch_size}, seed {spec.seed}"
    )


def _show_curves(rows: Rows) -> None:
    """Print the course of each term, whichever steps have it, and of the learning rate."""
    from harness.cli.sparkline import curve_lines

    names = dict.fromkeys(name for row in rows for name in row["terms"])
    series = {name: [row["terms"][name] for row in rows if name in row["terms"]] for name in names}
    click.echo(f"  {len(rows)} steps in {len({row['epoch'] for row in rows})} epochs")
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
    """Print the figures of a result and where they come from."""
    from harness.cli.origin import origin_lines

    if result.reason is not None:
        click.echo(f"  failed: {result.reason}")
    else:
        _show_figures(result)
    for line in () if result.provenance is None else origin_lines(result.provenance):
        click.echo(f"  {line}")


def _show_figures(result: Any) -> None:
    """Print the figures of a finished cell."""
    note = " (partial data)" if result.spec.dataset.partial else ""
    note += " (synthetic data)" if result.spec.dataset.synthetic else ""
    click.echo(
        f"  mIoU {100 * result.score.miou:.2f} % on {result.protocol.split}{note}, rule {result.protocol.scoring_rule}"
    )
    width = max(map(len, result.score.iou))
    for name, iou in result.score.iou.items():
        click.echo(f"    {name:{width}s} {'absent, left out' if iou is None else f'{100 * iou:6.2f} %'}")
    if result.tta is not None:
        click.echo(f"  with test-time augmentation, {result.tta.views} views: mIoU {100 * result.tta.score.miou:.2f} %")
    click.echo(
        f"  {result.parameters / 1e6:.3f} M parameters, {result.macs.gmacs_mean:.3f} GMACs ({result.macs.scans} scans)"
    )
    if result.latency is not None:
        span = result.latency.end_to_end
        device = f"{result.latency.device_kind}, {result.latency.device}"
        click.echo(f"  latency p50 {span.p50_ms:.1f} ms, p95 {span.p95_ms:.1f} ms ({device})")
    training = result.training
    click.echo(f"  trained {training.steps} steps in {training.seconds:.0f} s, peak {training.peak_memory_mib:.0f} MiB")
