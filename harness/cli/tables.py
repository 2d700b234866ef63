"""`harness tables`: the tables of a store, computed from its results alone."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli.options import json_option, out_option, print_json
from harness.errors import HarnessError

if TYPE_CHECKING:
    from harness.report.breakdown import By
    from harness.report.rows import Row
    from harness.report.tables import Table
    from harness.spec import LatencyRecord


@click.command("tables")
@out_option
@click.option("--only", metavar="TEXT", help="Only cells whose folder name contains this.")
@click.option(
    "--format", "kind", type=click.Choice(["markdown", "latex", "csv"]), default="markdown", show_default=True
)
@click.option("--classes", is_flag=True, help="IoU by class instead of accuracy and cost.")
@click.option("--by", type=click.Choice(["distance", "sequence"]), help="mIoU by distance, or by sequence or scene.")
@click.option("--published", is_flag=True, help="Add what others published, with its protocol in footnotes.")
@click.option(
    "--write", type=click.Path(path_type=Path), help="Write all formats into this folder instead of printing."
)
@json_option
def command(
    out: Path,
    only: str | None,
    kind: str,
    classes: bool,
    by: By | None,
    published: bool,
    write: Path | None,
    as_json: bool,
) -> None:
    """Print the table of all cells in a store: mIoU, gain over the plain student, GMACs, parameters, latency.

    A gain with = behind it can't be told from none. Rows of several seeds have 95 % intervals; CSV and JSON have
    p-values besides.

    \b
    Examples:
      harness tables --out runs
      harness tables --out runs --by distance
      harness tables --out runs --format latex --published
      harness tables --out runs --json
      harness tables --out runs --write tables
    """
    from harness.report.breakdown import breakdown_frame, breakdown_records
    from harness.report.records import build_frame, build_records
    from harness.report.render import to_latex, to_markdown, write_tables

    if (classes or published) and (as_json or write is not None or kind == "csv"):
        raise click.UsageError(
            "--classes and --published are for the markdown and latex tables; the rest holds all figures."
        )
    if by is not None and (classes or write is not None):
        raise click.UsageError("--by is printed, and goes neither with --classes nor with --write.")
    rows = _rows(out, only)
    if write is not None:
        for path in write_tables(write, rows):
            click.echo(path)
    elif as_json:
        print_json(build_records(rows) if by is None else breakdown_records(rows, by))
    elif not rows:
        hint = "" if only else f": `harness run --matrix demo --out {out}` makes some"
        click.echo(f"No such cells in {out / 'store'}{hint}.", err=True)
    elif kind == "csv":
        frame = build_frame(rows) if by is None else breakdown_frame(rows, by)
        click.echo(frame.to_csv(index=False), nl=False)
    else:
        tables = _tables(rows, classes, by, published)
        click.echo("\n".join(to_latex(table) if kind == "latex" else to_markdown(table) for table in tables), nl=False)


def _rows(out: Path, only: str | None) -> list[Row]:
    """Read the cells of a store, and the latency records of the runs beside it."""
    from harness.report.grouping import build_rows, by_method
    from harness.store import Store

    results, specs = [], []
    for folder in Store(out).cells():
        if only is not None and only not in folder.cell:
            continue
        try:
            specs.append(folder.spec())
        except HarnessError as error:
            click.echo(f"left out: {error}", err=True)
            continue
        if (result := folder.result()) is not None:
            results.append(result)
    return build_rows(results, sorted(specs, key=by_method), _records(out))


def _records(out: Path) -> list[LatencyRecord]:
    """Read the latency records of a run; one that is damaged is left out and named, as a damaged cell is."""
    from harness.measure.latency.records import FOLDER, read_record

    records = []
    for path in sorted((out / FOLDER).glob("*.json")):
        try:
            records.append(read_record(path))
        except HarnessError as error:
            click.echo(f"left out: {error}", err=True)
    return records


def _tables(rows: list[Row], classes: bool, by: By | None, published: bool) -> list[Table]:
    from harness.report.breakdown import breakdown_tables
    from harness.report.published import published_tables
    from harness.report.tables import build_class_tables, build_table

    if by is not None:
        tables = breakdown_tables(rows, by)
    else:
        tables = build_class_tables(rows) if classes else [build_table(rows)]
    return [*tables, *(published_tables(row.spec.dataset.name for row in rows) if published else [])]
