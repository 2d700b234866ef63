"""`harness data synthesize`: make a data set of synthetic streets."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli.options import json_option, print_json, progress_bar

if TYPE_CHECKING:
    from harness.data.dataset import Dataset
    from harness.data.street.synthesis import SynthesisReport


@click.group("synthesize")
def synthesize() -> None:
    """Make a data set of synthetic streets.

    \b
    Examples:
      harness data synthesize semantickitti --out streets --scans 20 --seed 0
      harness data synthesize nuscenes --out scenes --scans 20 --seed 0
    """


def _synthesis_options(command: Callable[..., None]) -> Callable[..., None]:
    """Options of both layouts."""
    for option in (
        json_option,
        click.option("--png/--no-png", default=True, help="Draw the first scan from above into OUT/birdseye.png."),
        click.option("--workers", type=click.IntRange(1, 64), default=1, show_default=True, help="Processes."),
        click.option(
            "--azimuths",
            type=click.IntRange(64, 8192),
            default=None,
            help="Firings per turn. Default: those of the real sensor.",
        ),
        click.option(
            "--seed", type=click.IntRange(0), default=0, show_default=True, help="The same seed gives the same bytes."
        ),
        click.option(
            "--scans",
            type=click.IntRange(3, 1_000_000),
            default=20,
            show_default=True,
            help="Scans in all splits together.",
        ),
        click.option("--out", type=click.Path(path_type=Path, file_okay=False), required=True, help="A new folder."),
    ):
        command = option(command)
    return command


@synthesize.command("semantickitti")
@_synthesis_options
def semantickitti_command(
    out: Path, scans: int, seed: int, azimuths: int | None, workers: int, png: bool, as_json: bool
) -> None:
    """Write streets, ray-cast by a model of the HDL-64E, in SemanticKITTI's layout.

    \b
    Examples:
      harness data synthesize semantickitti --out streets --scans 20 --seed 0
      harness data synthesize semantickitti --out small --scans 10 --azimuths 512 --json
    """
    from harness.data.semantickitti import SemanticKitti
    from harness.data.street.hdl64e import FULL_AZIMUTHS
    from harness.data.street.semantickitti_write import synthesize_semantickitti

    with progress_bar("streets") as progress:
        report = synthesize_semantickitti(
            out, scans, seed, azimuths or FULL_AZIMUTHS, progress=progress, workers=workers
        )
    _say(report, _draw_first_scan(SemanticKitti(out)) if png else None, as_json)


@synthesize.command("nuscenes")
@_synthesis_options
def nuscenes_command(
    out: Path, scans: int, seed: int, azimuths: int | None, workers: int, png: bool, as_json: bool
) -> None:
    """Write streets, ray-cast by a model of the HDL-32E, in nuScenes' layout with lidarseg.

    The folder holds the versions v1.0-trainval and v1.0-test.

    \b
    Examples:
      harness data synthesize nuscenes --out scenes --scans 20 --seed 0
      harness data synthesize nuscenes --out small --scans 10 --azimuths 271 --json
    """
    from harness.data.nuscenes.dataset import NuScenes
    from harness.data.street.hdl32e import FULL_AZIMUTHS
    from harness.data.street.nuscenes_write import synthesize_nuscenes

    with progress_bar("streets") as progress:
        report = synthesize_nuscenes(out, scans, seed, azimuths or FULL_AZIMUTHS, progress=progress, workers=workers)
    _say(report, _draw_first_scan(NuScenes(out), quarter_turns=1) if png else None, as_json)


def _say(report: SynthesisReport, picture: Path | None, as_json: bool) -> None:
    if as_json:
        print_json({"out": report.out, "scans": report.split_sizes, "points": report.points, "png": picture})
        return
    counts = ", ".join(f"{split} {number}" for split, number in report.split_sizes.items())
    click.echo(f"{report.out}: {counts} scans, {report.points} points")
    if picture is not None:
        click.echo(f"picture: {picture}")


def _draw_first_scan(dataset: Dataset, quarter_turns: int = 0) -> Path:
    """Draw the first training scan of a set and return the picture's path.

    Args:
        dataset: a synthetic set.
        quarter_turns: clockwise, that bring its axes to x forward, y left.
    """
    import numpy as np

    from harness.report.birdseye import draw_scan

    scan = dataset.read(dataset.scan_ids("train")[0])
    if scan.labels is None:
        raise ValueError(f"{scan.scan_id} has no labels")
    turn = np.linalg.matrix_power(np.array([[0, 1, 0], [-1, 0, 0], [0, 0, 1]]), quarter_turns)
    title = f"synthetic street, scan {scan.scan_id}"
    return draw_scan(scan.xyz @ turn.T, scan.labels, dataset.label_map, dataset.root / "birdseye.png", title)
