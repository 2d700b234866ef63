"""`harness gate`: is a run as good, as fast and as small as those of the reference?"""

from __future__ import annotations

import sys
from pathlib import Path

import click

from harness.cli.data_options import nuscenes_option, partial_option, semantickitti_option
from harness.cli.options import device_option, json_option, out_option, print_json, refuse_beside
from harness.errors import HarnessError
from harness.plain_text import plain


@click.command("gate", short_help="Compare a run with a reference.")
@click.option(
    "--reference", type=click.Path(path_type=Path, file_okay=False), help="As --write-reference made it of a run."
)
@out_option
@click.option(
    "--matrix", metavar="NAME|FILE", help="Of the run: what of its latency is in doubt can then be measured again."
)
@click.option(
    "--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Of --matrix, as of `harness run`; repeatable."
)
@semantickitti_option
@nuscenes_option
@partial_option
@device_option
@click.option(
    "--report",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder of junit.xml, summary.md and findings.json. Default: gate/ in --out.",
)
@click.option(
    "--write-reference",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Make a reference of the run instead.",
)
@click.option("--replace", is_flag=True, help="Of --write-reference: over the reference that stands there.")
@click.option(
    "--without-unstable", is_flag=True, help="Of --write-reference: leave unstable latency records out, each one named."
)
@click.option("--where", is_flag=True, help="Print the folder of the repository where references of --device lie.")
@json_option
def command(
    reference: Path | None,
    out: Path,
    matrix: str | None,
    overrides: tuple[str, ...],
    semantickitti: Path | None,
    nuscenes: Path | None,
    partial: bool,
    device: str,
    report: Path | None,
    write_reference: Path | None,
    replace: bool,
    without_unstable: bool,
    where: bool,
    as_json: bool,
) -> None:
    """Compare every figure of a run with a reference: mIoU, MACs, parameters, sites, pairs, memory, latency.

    Exit code 0 when all is as it was, 1 when a figure is worse, 2 when one could not be compared. What each figure is
    tested by, and how often the tests are right, stands in docs/gate.md.

    \b
    Examples:
      harness gate --out runs --write-reference results/measured/my-gpu
      harness gate --out runs --reference results/measured/my-gpu --matrix nightly --semantickitti /data/semantickitti
      harness gate --out runs --reference results/measured/my-gpu --json
    """
    if where:
        refuse_beside("--where", "reference", "write_reference", "out", "matrix", "report", "as_json")
        _show_place(device)
        return
    if write_reference is not None:
        refuse_beside("--write-reference", "reference", "matrix", "report", "as_json")
        _write(out, write_reference, replace, without_unstable)
        return
    if reference is None or replace or without_unstable:
        raise click.UsageError("give --reference DIR; or --write-reference DIR, and what is of it.")
    from harness.cli.gate_again import Again
    from harness.cli.gate_table import show_findings
    from harness.cli.measure_matrix import MatrixChoice
    from harness.gate.session import hold

    roots = {"semantickitti": semantickitti, "nuscenes": nuscenes}
    chosen = None if matrix is None else MatrixChoice(matrix, overrides, None, roots, partial, skip_damaged=False)
    again = None if chosen is None else Again(chosen, device, out)
    outcome = hold(reference, out, report, again)
    if as_json:
        print_json(outcome.record)
    else:
        show_findings(outcome)
    sys.exit(outcome.code)


def _show_place(device: str) -> None:
    from harness.gate.place import reference_folder
    from harness.measure.device import choose_device

    click.echo(reference_folder(choose_device(device)))


def _write(out: Path, folder: Path, replace: bool, without_unstable: bool) -> None:
    from harness.gate.evidence import read_run
    from harness.gate.reference import write_reference

    run = read_run(out)
    if not run.results and not run.latency:
        raise HarnessError(out, "no result", "a run's folder", f"Run a matrix with --out {out} first.")
    if without_unstable:
        for record in run.unstable:
            click.echo(f"left out: {record.network}, unstable: {plain('; '.join(record.reasons))}", err=True)
        run = run.without_unstable()
    write_reference(folder, run, replace)
    seeds = len({result.spec.seed for result in run.results})
    cells, told = _count(len(run.results), "cell"), _count(len(run.latency), "latency record")
    click.echo(f"{folder}: {cells} of {_count(seeds, 'seed')}, {told}.")
    if run.results and seeds == 1:
        click.echo("One seed tells of no spread: mIoU can't be gated with it. Give the reference five.", err=True)
    if not run.latency:
        click.echo("Without latency records: `harness measure latency --matrix NAME` makes them.", err=True)


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}{'' if number == 1 else 's'}"
