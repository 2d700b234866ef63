"""`harness tables`: the tables of a store, computed from its results alone."""

from __future__ import annotations

from pathlib import Path

import click

from harness.cli.options import json_option, out_option, print_json
from harness.errors import HarnessError


@click.command("tables")
@out_option
@click.option("--only", metavar="TEXT", help="Only cells whose folder name contains this.")
@click.option(
    "--format", "kind", type=click.Choice(["markdown", "latex", "csv"]), default="markdown", show_default=True
)
@click.option("--classes", is_flag=True, help="IoU by class instead of accuracy and cost.")
@click.option("--published", is_flag=True, help="Add what others published, with its protocol in footnotes.")
@click.option(
    "--write", type=click.Path(path_type=Path), help="Write all formats into this folder instead of printing."
)
@json_option
def command(
    out: Path, only: str | None, kind: str, classes: bool, published: bool, write: Path | None, as_json: bool
) -> None:
    """Print the table of all cells in a store: mIoU, gain over the plain student, GMACs, parameters, latency.

    \b
    Examples:
      harness tables --out runs
      harness tables --out runs --format latex --published
      harness tables --out runs --json
      harness tables --out runs --write tables
    """
    from harness.report.grouping import build_rows, by_method
    from harness.report.published import published_tables
    from harness.report.records import build_frame, build_records
    from harness.report.render import to_latex, to_markdown, write_tables
    from harness.report.tables import build_class_tables, build_table
    from harness.store import Store

    if (classes or published) and (as_json or write is not None or kind == "csv"):
        raise click.UsageError(
            "--classes and --published are for the markdown and latex tables; the rest holds all figures."
        )
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
    rows = build_rows(results, sorted(specs, key=by_method))
    if write is not None:
        for path in write_tables(write, rows):
            click.echo(path)
    elif as_json:
        print_json(build_records(rows))
    elif not rows:
        hint = "" if only else f": `harness run --matrix demo --out {out}` makes some"
        click.echo(f"No such cells in {out / 'store'}{hint}.", err=True)
    elif kind == "csv":
        click.echo(build_frame(rows).to_csv(index=False), nl=False)
    else:
        tables = [
            *(build_class_tables(rows) if classes else [build_table(rows)]),
            *(published_tables(row.spec.dataset.name for row in rows) if published else []),
        ]
        click.echo("\n".join(to_latex(table) if kind == "latex" else to_markdown(table) for table in tables), nl=False)
