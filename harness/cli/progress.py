"""How a run is shown: a live table in a terminal, plain lines in a log."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Console
from rich.live import Live
from rich.text import Text

from harness.cli.changes import Changes, row_line
from harness.cli.overview import CellRow, Overview
from harness.cli.watch import cell_table

if TYPE_CHECKING:
    from harness.store import Store
    from harness.train.loop import TrainingStep

LOG_SECONDS = 30.0
"""Shortest time between two plain lines about a cell that goes on training, or about a preparation."""

LIVE_SECONDS, LINE_SECONDS = 1.0, 2.0
"""Between two looks at the store, for a table and for lines; cells don't tell of themselves more often."""


class RunProgress:
    """A display of a run, to be used as a context: it reads the store, whichever processes the cells run in.

    Args:
        console: where to print; a table is drawn when it is a terminal that can move its cursor.
        store: of the run; None before its cells are known, while its data is prepared.
        cells: folder names, in the order of the run.
    """

    def __init__(self, console: Console, store: Store | None = None, cells: Sequence[str] = ()) -> None:
        self.console = console
        self._overview = None if store is None else Overview(store, cells)
        self._changes = Changes(self._rows(), LOG_SECONDS)
        self._preparing, self._said, self._logged = "", "", time.monotonic()
        # A loader's worker is a fork of this process: where its output went through the table's lock, it could wait for
        # ever for a thread that it doesn't have.
        self._live = Live(
            console=console, auto_refresh=False, transient=True, redirect_stdout=False, redirect_stderr=False
        )
        self._draws = console.is_terminal and not console.is_dumb_terminal
        self._ended = threading.Event()
        self._looking = threading.Thread(target=self._look_on, name="progress", daemon=True)

    def __enter__(self) -> RunProgress:
        """Start drawing."""
        if self._draws:
            self._live.start()
        self._looking.start()
        return self

    def __exit__(self, *error: object) -> None:
        """Tell how the last cells ended, and give the terminal back as it was."""
        try:
            self._ended.set()
            self._looking.join()
            self._tell(self._rows())
        finally:
            self._live.stop()

    def cell(self, name: str, number: int, cells: int) -> None:
        """Name a cell of a run that has no store to read."""
        if self._overview is None:
            self._print(f"[{number}/{cells}] {name}")

    def step(self, step: TrainingStep) -> None:
        """Leave a training step to progress.json, which is read for the table."""

    def phase(self, name: str, done: int, total: int) -> None:
        """Show how far the preparation of a run has come; that of a cell stands in its progress.json."""
        if self._overview is not None:
            return
        self._preparing = f"{name}  {done}/{total}" if done < total else ""
        now = time.monotonic()
        if not self._draws and self._preparing and now - self._logged >= LOG_SECONDS:
            self._logged = now
            self._print(f"    {self._preparing}")

    def note(self, sentence: str) -> None:
        """Print a sentence that stays."""
        self._said = sentence
        self._print(f"    {sentence}")

    def _rows(self) -> list[CellRow]:
        return [] if self._overview is None else self._overview.rows()

    def _look_on(self) -> None:
        while not self._ended.wait(LIVE_SECONDS if self._draws else LINE_SECONDS):
            rows = self._rows()
            self._tell(rows)
            if self._draws:
                size = self.console.size
                table = cell_table(rows, size.width, size.height) if rows else Text(self._preparing)
                self._live.update(table, refresh=True)

    def _tell(self, rows: list[CellRow]) -> None:
        """Print the cells that have begun, go on and ended; a table tells the first two by itself."""
        places = {row.cell: f"[{number}/{len(rows)}] " for number, row in enumerate(rows, 1)}
        for row, before in self._changes.of(rows, time.monotonic()):
            place = places.get(row.cell, "")
            runs = row.status == "running"
            ended = row.status in ("finished", "failed", "broken") or (
                before is not None and before.status == "running"
            )
            if row.reason is not None and self._said.endswith(row.reason):
                self._print(f"{place}{row.status:8}  {row.cell}")  # why was said just before
            elif not self._draws if runs else ended:
                self._print(place + row_line(row))

    def _print(self, line: str) -> None:
        self.console.print(line, markup=False, highlight=False, soft_wrap=True)
