"""`harness ls cells`: how the cells of a store stand, once or again and again."""

from __future__ import annotations

import json
import time
from pathlib import Path
from textwrap import shorten
from typing import TYPE_CHECKING, Any

import click

from harness.cli.options import FiniteRange, json_option, out_option
from harness.cli.rows import show_rows

if TYPE_CHECKING:
    from rich.console import Console

    from harness.cli.overview import CellRow
    from harness.cli.queued import QueuedCells


MOST_OF_A_REASON = 160
"""Characters of a reason in a list; `harness show CELL` and --json have all of it."""


@click.command("cells")
@out_option
@click.option("--watch", is_flag=True, help="Go on looking until every cell is finished or failed, or until Ctrl-C.")
@click.option(
    "--interval",
    type=FiniteRange(0.1, 3600),
    default=1.0,
    show_default=True,
    metavar="S",
    help="Seconds between two looks of --watch.",
)
@json_option
def cells(out: Path, watch: bool, interval: float, as_json: bool) -> None:
    """List the cells of a store with their status.

    It is finished, failed, running, queued (a cluster has it), pending (nobody has begun it), or broken (its folder
    can't be read). Whoever may read the store can watch a run, on any machine that sees it; where SLURM's squeue is
    there, your own jobs are asked for, and a cell whose job is gone is pending.

    With --watch a terminal shows a live table; elsewhere each cell has a line whenever it has changed and, with --json,
    an object on a line of its own. Queued and pending cells are waited for, whether anybody runs them or not. It ends
    with exit code 0, after Ctrl-C too.

    \b
    Examples:
      harness ls cells --out runs
      harness ls cells --out runs --watch
      harness ls cells --out runs --watch --interval 30 --json
    """
    from harness.cli.overview import Overview
    from harness.cli.queued import QueuedCells
    from harness.store import Store

    overview = QueuedCells(Overview(Store(out)))
    rows = overview.rows()
    empty = f"No cells in {out / 'store'}: `harness run --matrix demo --out {out}` makes some."
    if watch and rows:
        _watch(overview, interval, as_json)
    elif as_json:
        show_rows([row.record() for row in rows], as_json, empty)
    else:
        show_rows(_columns(rows), as_json, empty)


def _columns(rows: list[CellRow]) -> list[dict[str, Any]]:
    """Return what is shown of cells that are listed once; how far they are only where one runs."""
    from harness.cli.changes import row_details

    columns = []
    for row in rows:
        progress = {"progress": row_details(row) if row.progress else None} if any(r.progress for r in rows) else {}
        miou = None if row.miou is None else f"{100 * row.miou:.1f} %"
        said = shorten((row.said() if row.since else row.reason) or "", MOST_OF_A_REASON, placeholder=" …") or None
        columns.append({"cell": row.cell, "status": row.status, **progress, "miou": miou, "reason": said})
    return columns


def _watch(overview: QueuedCells, interval_s: float, as_json: bool) -> None:
    """Show cells until each is finished or failed, or until Ctrl-C, the usual end of a watch and no fault.

    Args:
        overview: of the cells.
        interval_s: between two looks.
        as_json: print an object a line for each change.
    """
    from rich.console import Console

    console = Console()
    try:
        if as_json or not console.is_terminal or console.is_dumb_terminal:
            _print_changes(overview, interval_s, as_json)
        else:
            _draw(overview, interval_s, console)
    except KeyboardInterrupt:
        return


def _draw(overview: QueuedCells, interval_s: float, console: Console) -> None:
    from rich.live import Live

    from harness.cli.watch import cell_table

    with Live(console=console, auto_refresh=False) as live:
        while True:
            rows, size = overview.rows(), console.size
            live.update(cell_table(rows, size.width, size.height), refresh=True)
            if _settled(rows):
                return
            time.sleep(interval_s)


def _print_changes(overview: QueuedCells, interval_s: float, as_json: bool) -> None:
    from harness.cli.changes import Changes, row_line

    changes = Changes((), quiet_s=0.0)
    while True:
        rows = overview.rows()
        for row, _ in changes.of(rows, time.monotonic()):
            click.echo(json.dumps(row.record(), ensure_ascii=False) if as_json else row_line(row))
        if _settled(rows):
            return
        time.sleep(interval_s)


def _settled(rows: list[CellRow]) -> bool:
    return all(row.status in ("finished", "failed", "broken") for row in rows)
