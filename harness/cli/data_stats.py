"""`harness data stats`: sum up a split of a copy."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli.data_options import DataChoice, dataset_options
from harness.cli.options import FiniteRange, json_option, png_path, print_json, progress_bar, to_split

if TYPE_CHECKING:
    from harness.data.statistics import DataStatistics, Spread


@click.command("stats")
@dataset_options
@click.option("--split", type=click.Choice(["train", "val", "test"]), default="train", show_default=True)
@click.option(
    "--voxel-size", type=FiniteRange(0.005, 10), default=0.05, show_default=True, help="Edge of a voxel in metres."
)
@click.option("--scans", type=click.IntRange(1), help="Read so many scans, spread evenly over the split. Default: all.")
@click.option("--workers", type=click.IntRange(0, 64), default=2, show_default=True, help="Processes.")
@click.option("--png", type=click.Path(path_type=Path), callback=png_path, help="Draw the figures into this file.")
@json_option
def stats_command(
    data: DataChoice,
    split: str,
    voxel_size: float,
    scans: int | None,
    workers: int,
    png: Path | None,
    as_json: bool,
) -> None:
    """Sum up a split: points, ranges, points by class, and the voxels and pairs that networks compute on.

    A full scan takes about 0.2 s on one core; --scans bounds the time.

    \b
    Examples:
      harness data stats --semantickitti /data/part --partial --split val
      harness data stats --nuscenes /data/nuscenes --scans 200 --png nuscenes.png
    """
    from harness.data.statistics import statistics

    dataset = data.open()
    with progress_bar("stats") as progress:
        result = statistics(dataset, to_split(split), voxel_size, workers, progress, scans)
    if png is not None:
        from harness.report.data_figures import draw_statistics

        draw_statistics(result, png)
    if as_json:
        print_json(result.model_dump(mode="json"))
    else:
        _print(result)


def _print(result: DataStatistics) -> None:
    chosen = f"{result.scans} scans"
    if result.scans < result.scans_found:
        chosen = f"{result.scans} of {result.scans_found} scans, evenly spaced"
    click.echo(f"{result.split}: {chosen}, {result.points} points")
    if result.asked_points < result.points:
        click.echo(f"  {result.asked_points} points are the scans' own, and the classes are theirs; the rest of the")
        click.echo("  figures count the past scans beside them as well, for networks compute on both")
    click.echo("  range in m  " + "  ".join(f"{name} {value:g}" for name, value in result.range_m.items()))
    click.echo(f"  {'per scan':18s} {'mean':>9s} {'min':>8s} {'median':>8s} {'max':>8s}")
    _print_spread("points", result.points_per_scan)
    _print_spread("cylinder cells", result.cylinder_cells_per_scan)
    for level in result.levels:
        _print_spread(f"voxels of {level.voxel_size_m:g} m", level.voxels_per_scan)
        _print_spread("  3x3x3 pairs", level.pairs_per_scan, f"  {level.pairs_per_voxel:.2f} a voxel")
    for name, share in result.class_shares.items():
        click.echo(f"  {name:20s} {100 * share:7.3f} %  {result.class_points[name]:12d} points")


def _print_spread(name: str, spread: Spread, more: str = "") -> None:
    click.echo(f"  {name:18s} {spread.mean:9.0f} {spread.min:8d} {spread.median:8.0f} {spread.max:8d}{more}")
