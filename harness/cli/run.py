"""`harness run`: a matrix from its file to its tables."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli.data_options import nuscenes_option, partial_option, semantickitti_option
from harness.cli.options import FiniteRange, out_option
from harness.cli.run_options import Place, place_options

if TYPE_CHECKING:
    from harness.data.dataset import Policy

MOST_HOURS = 1_000_000


@click.command("run", short_help="Run a matrix.")
@click.option(
    "--matrix", required=True, metavar="NAME|FILE", help="A shipped matrix or a file; see `harness ls matrices`."
)
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="KEY=VALUE",
    help="Instead of what the matrix says, as recipe.epochs=3 or backbones.0.student_width=0.25; repeatable.",
)
@click.option("--seeds", metavar="0,1,2", help="Instead of the matrix's own.")
@click.option("--engine", metavar="NAME", help="Instead of the matrix's own; see `harness ls engines`.")
@semantickitti_option
@nuscenes_option
@partial_option
@click.option("--skip-damaged", is_flag=True, help="Leave damaged scans out, each one reported, instead of stopping.")
@click.option(
    "--only", metavar="GLOB|HASH", help="Run only cells whose name or hash matches, as '*pvd*'; their teachers run too."
)
@click.option(
    "--budget",
    type=FiniteRange(0, MOST_HOURS, min_open=True),
    metavar="HOURS",
    help="Device hours: take cells by the rule 'comparisons first' (seed by seed, the plain student and PVD before "
    "other methods) while they fit, and start none that does not fit any more.",
)
@click.option("--dry-run", is_flag=True, help="Show the cells, how far they are and what they will take; run none.")
@click.option("--json", "as_json", is_flag=True, help="Of --dry-run: print JSON for scripts.")
@out_option
@place_options
def command(
    matrix: str,
    out: Path,
    semantickitti: Path | None,
    nuscenes: Path | None,
    partial: bool,
    skip_damaged: bool,
    settings: tuple[str, ...],
    engine: str | None,
    seeds: str | None,
    only: str | None,
    budget: float | None,
    dry_run: bool,
    as_json: bool,
    place: Place,
) -> None:
    """Train, evaluate and measure every cell of a matrix, then print its table.

    Finished cells are skipped, an interrupted one goes on from its last checkpoint, and a teacher is trained once for
    all the students that need it. Exit code 1 when a cell failed; cells that --budget leaves out are named at the end.

    \b
    Examples:
      harness run --matrix demo --out runs
      harness run --matrix first-run --semantickitti /data/semantickitti --partial
      harness run --matrix full --semantickitti /data/semantickitti --nuscenes /data/nuscenes --dry-run
      harness run --matrix nightly --budget 10 --executor local --device cuda --workers 4
      harness run --matrix my-matrix.yaml --set recipe.epochs=3 --seeds 0,1 --only '*pvd*'
      harness run --matrix full --executor slurm --device cuda --slurm partition=gpu --slurm time=08:00:00
    """
    from rich.console import Console

    from harness.cli.budget_lines import closing_lines
    from harness.cli.finish import finish_run, show
    from harness.cli.outlook import Outlook
    from harness.cli.progress import RunProgress
    from harness.config.matrix_file import read_matrix
    from harness.config.override import override
    from harness.matrix.batch_check import check_batches, check_scans
    from harness.matrix.check import check_matrix
    from harness.matrix.plan import select
    from harness.matrix.planned import order_cells, plan_run
    from harness.matrix.run import run_matrix
    from harness.store import Store

    if as_json and not dry_run:
        raise click.UsageError("--json is of --dry-run; `harness tables --json` has the figures of a run.")
    config = override(*read_matrix(matrix), engine, seeds, settings)
    resources, executor, store = place.resources(), place.build(out), Store(out)
    check_batches(config, place.processes)
    check_matrix(config)
    console, policy = Console(soft_wrap=True, stderr=as_json), _policy(skip_damaged)
    with RunProgress(console) as progress:
        roots = {"semantickitti": semantickitti, "nuscenes": nuscenes}
        parts = plan_run(config, roots, store, partial, policy, place.workers, progress)
    specs = select([spec for part in parts for spec in part.specs], only)
    check_scans(specs, place.processes)
    outlook = Outlook(specs, store, place, resources)
    choice = None if budget is None else outlook.choose(budget)
    if dry_run:
        outlook.show(choice, as_json, console)
        return
    chosen, clock = (specs, None) if choice is None else (choice.specs, outlook.clock(choice))
    with RunProgress(console, store, [spec.cell for spec in chosen]) as progress:
        results = run_matrix(order_cells(parts, chosen, store, resources), store, executor, progress, clock)
    complete = finish_run(config, parts, store, resources, console)
    if choice is not None and clock is not None:
        for line in closing_lines(choice, clock.left_out, {result.spec.hash for result in results}):
            show(console, line)
    if not complete or any(result.status == "failed" for result in results):
        sys.exit(1)


def _policy(skip_damaged: bool) -> Policy:
    return "skip-and-report" if skip_damaged else "fail"
