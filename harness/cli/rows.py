"""Rows of a list, as columns for people or as JSON for scripts."""

from __future__ import annotations

from typing import Any

import click

from harness.cli.options import print_json

PIPED_COLUMNS = 2000
"""Wide enough that no row is broken where another program reads it."""


def show_rows(rows: list[dict[str, Any]], as_json: bool, empty: str) -> None:
    """Print rows as aligned columns or as JSON; say `empty` when there are none."""
    if as_json:
        print_json(rows)
    elif not rows:
        click.echo(empty)
    else:
        from rich.console import Console
        from rich.table import Table

        table = Table(box=None, pad_edge=False, header_style="bold")
        for key in rows[0]:
            table.add_column(key, overflow="fold")
        for row in rows:
            table.add_row(*("" if value is None else str(value) for value in row.values()))
        console = Console()
        if not console.is_terminal:
            console.width = PIPED_COLUMNS
        with console.capture() as drawn:
            console.print(table)
        for line in drawn.get().splitlines():
            click.echo(line.rstrip())
