"""Rows of a list, as columns for people or as JSON for scripts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import click

from harness.cli.options import print_json
from harness.plain_text import printable

PIPED_COLUMNS = 2000
"""Wide enough that no row is broken where another program reads it."""


def show_rows(rows: list[dict[str, Any]], as_json: bool, empty: str) -> None:
    """Print rows as aligned columns or as JSON; say `empty` when there are none."""
    if as_json:
        print_json(rows)
    elif not rows:
        click.echo(empty)
    else:
        cells = [["" if value is None else printable(str(value)) for value in row.values()] for row in rows]
        for line in aligned_lines(list(rows[0]), cells, left=len(rows[0])):
            click.echo(line)


def aligned_lines(header: Sequence[str], rows: Sequence[Sequence[str]], left: int = 1) -> Iterator[str]:
    """Yield a header and rows with their columns aligned, the first `left` to the left and the others to the right."""
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for index, key in enumerate(header):
        table.add_column(key, justify="left" if index < left else "right", overflow="fold")
    for row in rows:
        table.add_row(*row)
    console = Console(markup=False, emoji=False)
    if not console.is_terminal:
        console.width = PIPED_COLUMNS
    with console.capture() as drawn:
        console.print(table)
    yield from (line.rstrip() for line in drawn.get().splitlines())
