"""`harness submit`: leaderboard archives."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from harness.cli.data_options import partial_option
from harness.cli.options import (
    device_option,
    json_option,
    out_option,
    print_json,
    progress_bar,
    to_split,
)


@click.group("submit")
def command() -> None:
    """Write a leaderboard archive of a cell's predictions.

    \b
    Examples:
      harness submit semantickitti --out runs pvd
    """


@command.command("semantickitti")
@click.argument("cell")
@out_option
@click.option(
    "--semantickitti",
    type=click.Path(path_type=Path),
    help="Root of SemanticKITTI. Default: where the cell's run read it.",
)
@partial_option
@click.option(
    "--split",
    type=click.Choice(["test", "val"]),
    default="test",
    show_default=True,
    help="val writes an archive to look at, not to upload.",
)
@click.option(
    "--zip", "archive", type=click.Path(path_type=Path), help="The archive. Default: OUT/submissions/CELL-SPLIT.zip."
)
@click.option("--name", help="Name of the method in description.txt. Default: the cell's name.")
@click.option("--pdf-url", default="", help="For description.txt.")
@click.option("--code-url", default="", help="For description.txt.")
@device_option
@json_option
def semantickitti_command(
    cell: str,
    out: Path,
    semantickitti: Path | None,
    partial: bool,
    split: str,
    archive: Path | None,
    name: str | None,
    pdf_url: str,
    code_url: str,
    device: str,
    as_json: bool,
) -> None:
    """Predict every scan of the test split with CELL and write the archive SemanticKITTI's server takes.

    CELL is a folder name of the store, its hash, or any part of it that only one cell has; see `harness ls cells`.
    The scans are read from where the cell's run read them unless --semantickitti says otherwise. The archive is read
    again and checked; exit code 1 when the server would refuse it.

    \b
    Examples:
      harness submit semantickitti --out runs pvd
      harness submit semantickitti --out runs 1a2b3c4d5e6f --semantickitti /data/semantickitti --name "PVD, half width"
    """
    from dataclasses import asdict

    from harness.data.open import open_dataset
    from harness.data.semantickitti import SemanticKitti
    from harness.errors import HarnessError
    from harness.export.semantickitti import Description
    from harness.matrix.submission import submit_cell
    from harness.measure.device import choose_device
    from harness.store import Store

    folder = Store(out).find(cell)
    task = folder.spec().dataset
    dataset = open_dataset(task.name, semantickitti or folder.data_root(), partial, settings=task.settings)
    if not isinstance(dataset, SemanticKitti):
        remedy = "Choose a cell of SemanticKITTI; see `harness ls cells`."
        raise HarnessError(f"cell {folder.cell}", f"a cell trained on {task.name}", "one of SemanticKITTI", remedy)
    target = archive or out / "submissions" / f"{folder.cell}-{split}.zip"
    description = Description(name or folder.spec().name, pdf_url, code_url)
    with progress_bar("predict") as progress:
        submission, faults = submit_cell(
            folder, dataset, to_split(split), target, choose_device(device), description, progress
        )
    if as_json:
        print_json({**asdict(submission), "faults": [asdict(fault) for fault in faults]})
    else:
        size = f"{submission.scans} scans, {submission.points} points, {submission.size_bytes / 1e6:.2f} MB"
        click.echo(f"{submission.path}  ({size})")
        for sentence in submission.warnings:
            click.echo(f"warning: {sentence}")
        for fault in faults:
            click.echo(f"{fault.level}: {fault.where}: {fault.message}")
    if any(fault.level == "error" for fault in faults):
        sys.exit(1)
