"""`harness run`: a matrix from its file to its tables."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli.data_options import nuscenes_option, partial_option, semantickitti_option
from harness.cli.options import device_option, out_option

if TYPE_CHECKING:
    from harness.data.dataset import Policy


@click.command("run", short_help="Run a matrix.")
@click.option(
    "--matrix", required=True, metavar="NAME|FILE", help="A shipped matrix or a file; see `harness ls matrices`."
)
@out_option
@semantickitti_option
@nuscenes_option
@partial_option
@click.option("--skip-damaged", is_flag=True, help="Leave damaged scans out, each one reported, instead of stopping.")
@click.option("--engine", metavar="NAME", help="Instead of the matrix's own; see `harness ls engines`.")
@click.option("--seeds", metavar="0,1,2", help="Instead of the matrix's own.")
@click.option("--only", metavar="GLOB", help="Run only cells whose name matches, as '*pvd*'; their teachers run too.")
@click.option("--dry-run", is_flag=True, help="List the cells and their status, and run none.")
@device_option
@click.option("--workers", type=click.IntRange(0, 64), default=0, show_default=True, help="Loader processes of a cell.")
@click.option("--tensorboard", is_flag=True, help="Also write the loss terms to the cells' tensorboard/ folders.")
def command(
    matrix: str,
    out: Path,
    semantickitti: Path | None,
    nuscenes: Path | None,
    partial: bool,
    skip_damaged: bool,
    engine: str | None,
    seeds: str | None,
    only: str | None,
    dry_run: bool,
    device: str,
    workers: int,
    tensorboard: bool,
) -> None:
    """Train, evaluate and measure every cell of a matrix, then print its table.

    Finished cells are skipped, an interrupted one goes on from its last checkpoint, and a teacher is trained once for
    all the students that need it. Exit code 1 when a cell failed.

    \b
    Examples:
      harness run --matrix demo --out runs
      harness run --matrix first-run --semantickitti /data/semantickitti --partial
      harness run --matrix nuscenes --nuscenes /data/nuscenes --device cuda --workers 4
      harness run --matrix my-matrix.yaml --seeds 0,1 --only '*pvd*' --dry-run
    """
    from rich.console import Console

    from harness.cli.finish import finish_run
    from harness.cli.progress import RunProgress
    from harness.config.matrix_file import load_matrix, override
    from harness.data.open import open_dataset
    from harness.matrix.check import check_matrix
    from harness.matrix.data import prepare_data
    from harness.matrix.order import Resources
    from harness.matrix.plan import plan, select
    from harness.matrix.run import run_matrix
    from harness.matrix.source import data_root
    from harness.measure.device import choose_device
    from harness.store import Store

    config, console = override(load_matrix(matrix), engine, seeds), Console(soft_wrap=True)
    check_matrix(config)
    resources, store = Resources(choose_device(device), workers, tensorboard), Store(out)
    with RunProgress(console) as progress:
        root = data_root(config, {"semantickitti": semantickitti, "nuscenes": nuscenes}, out, progress)
        policy: Policy = "skip-and-report" if skip_damaged else "fail"
        dataset = open_dataset(config.dataset.name, root, partial, policy, config.dataset.settings)
        data = prepare_data(dataset, store.path, workers, progress.note)
        planned = plan(config, data.spec, dataset.label_map.classes)
        specs = select(planned, only)
        if dry_run:
            for spec in specs:
                console.print(f"{store.status(spec):9s} {spec.cell}", markup=False, highlight=False)
            return
        results = run_matrix(specs, store, data, resources, progress)
    complete = finish_run(config, planned, store, data, resources, console)
    if not complete or len(results) < len(specs) or any(result.status == "failed" for result in results):
        sys.exit(1)
