"""`harness data`: make, check and sum up data sets."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from harness.cli.options import (
    FiniteRange,
    json_option,
    partial_option,
    print_json,
    progress_bar,
    semantickitti_option,
    to_split,
)


@click.group("data")
def command() -> None:
    """Make synthetic streets, check a copy of a data set, or sum it up.

    \b
    Examples:
      harness data synthesize semantickitti --out streets --scans 20 --seed 0
      harness data check --semantickitti /data/semantickitti
      harness data stats --semantickitti /data/semantickitti --split val
    """


@command.group("synthesize")
def synthesize() -> None:
    """Make a data set of synthetic streets.

    \b
    Examples:
      harness data synthesize semantickitti --out streets --scans 20 --seed 0
    """


@synthesize.command("semantickitti")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), required=True, help="A new folder.")
@click.option(
    "--scans", type=click.IntRange(3, 1_000_000), default=20, show_default=True, help="Scans in all splits together."
)
@click.option(
    "--seed", type=click.IntRange(0), default=0, show_default=True, help="The same seed gives the same bytes."
)
@click.option(
    "--azimuths",
    type=click.IntRange(64, 8192),
    default=None,
    help="Firings per turn. Default: those of the real sensor.",
)
@click.option("--workers", type=click.IntRange(1, 64), default=1, show_default=True, help="Processes.")
@click.option("--png/--no-png", default=True, help="Draw the first scan from above into OUT/birdseye.png.")
@json_option
def synthesize_semantickitti_command(
    out: Path, scans: int, seed: int, azimuths: int | None, workers: int, png: bool, as_json: bool
) -> None:
    """Write streets, ray-cast by a model of the HDL-64E, in SemanticKITTI's layout.

    \b
    Examples:
      harness data synthesize semantickitti --out streets --scans 20 --seed 0
      harness data synthesize semantickitti --out small --scans 10 --azimuths 512 --json
    """
    from harness.data.street.sensor import FULL_AZIMUTHS
    from harness.data.street.write import synthesize_semantickitti

    with progress_bar("streets") as progress:
        report = synthesize_semantickitti(
            out, scans, seed, azimuths or FULL_AZIMUTHS, progress=progress, workers=workers
        )
    picture = _draw_first_scan(out) if png else None
    if as_json:
        print_json({"out": out, "scans": report.split_sizes, "points": report.points, "png": picture})
        return
    counts = ", ".join(f"{split} {number}" for split, number in report.split_sizes.items())
    click.echo(f"{out}: {counts} scans, {report.points} points")
    if picture is not None:
        click.echo(f"picture: {picture}")


@command.command("check")
@semantickitti_option
@partial_option
@click.option("--workers", type=click.IntRange(0, 64), default=2, show_default=True, help="Processes.")
@click.option("--manifest", type=click.Path(path_type=Path), help="Write the SHA-256 of every file here.")
@json_option
def check_command(
    semantickitti: Path | None, partial: bool, workers: int, manifest: Path | None, as_json: bool
) -> None:
    """Read every file of a copy and list what is wrong: counts, sizes, values, label ids, poses.

    Exit code 2 when a fault was found.

    \b
    Examples:
      harness data check --semantickitti /data/semantickitti
      harness data check --semantickitti /data/part --partial --json
    """
    from harness.data.integrity import check
    from harness.data.roots import find_root

    with progress_bar("check") as progress:
        report = check(find_root("semantickitti", semantickitti), partial, workers, progress, manifest=manifest)
    if as_json:
        print_json(report.model_dump(mode="json"))
    else:
        for sequence, counts in report.sequences.items():
            if counts.scans or not partial:
                scans = f"{counts.scans:5d} of {counts.official_scans:5d} scans"
                click.echo(f"{sequence}  {counts.split:5s}  {scans}  {counts.points:12d} points")
        for note in report.notes:
            click.echo(f"note: {note.file}: found {note.found}; expected {note.expected}.")
        for fault in report.faults:
            click.echo(f"fault: {fault.file}: found {fault.found}; expected {fault.expected}. {fault.remedy}", err=True)
        verdict = "no fault" if report.ok else f"faults: {len(report.faults)}"
        click.echo(f"{verdict}{' (partial copy)' if report.partial else ''}; manifest {report.manifest}")
    if not report.ok:
        sys.exit(2)


@command.command("stats")
@semantickitti_option
@partial_option
@click.option("--split", type=click.Choice(["train", "val", "test"]), default="train", show_default=True)
@click.option(
    "--voxel-size", type=FiniteRange(0.005, 10), default=0.05, show_default=True, help="Edge of a voxel in metres."
)
@click.option("--workers", type=click.IntRange(0, 64), default=2, show_default=True, help="Processes.")
@json_option
def stats_command(
    semantickitti: Path | None, partial: bool, split: str, voxel_size: float, workers: int, as_json: bool
) -> None:
    """Sum up a split: points, ranges, voxels, and points by class.

    \b
    Examples:
      harness data stats --semantickitti /data/part --partial --split val
    """
    from harness.data.roots import find_root
    from harness.data.semantickitti import SemanticKitti
    from harness.data.statistics import statistics

    dataset = SemanticKitti(find_root("semantickitti", semantickitti), partial)
    with progress_bar("stats") as progress:
        result = statistics(dataset, to_split(split), voxel_size, workers, progress)
    if as_json:
        print_json(result.model_dump(mode="json"))
        return
    points, voxels = result.points_per_scan, result.voxels_per_scan
    click.echo(f"{split}: {result.scans} scans, {result.points} points")
    click.echo(
        f"  points a scan   mean {points.mean:.0f}  min {points.min}  median {points.median:.0f}  max {points.max}"
    )
    click.echo(f"  voxels of {voxel_size:g} m  mean {voxels.mean:.0f}  min {voxels.min}  max {voxels.max}")
    click.echo("  range in m      " + "  ".join(f"{name} {value:g}" for name, value in result.range_m.items()))
    for name, share in result.class_shares.items():
        click.echo(f"  {name:16s} {100 * share:7.3f} %")


def _draw_first_scan(root: Path) -> Path:
    """Draw the first training scan of a set and return the picture's path."""
    from harness.data.semantickitti import SemanticKitti
    from harness.report.birdseye import draw_scan

    dataset = SemanticKitti(root)
    scan = dataset.read(dataset.scan_ids("train")[0])
    if scan.labels is None:
        raise ValueError(f"{scan.scan_id} has no labels")
    return draw_scan(
        scan.xyz, scan.labels, dataset.label_map, root / "birdseye.png", f"synthetic street, scan {scan.scan_id}"
    )
