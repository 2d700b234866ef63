"""What is new among cells since the last look, one line each: for logs, pipes and scripts."""

from __future__ import annotations

from collections.abc import Sequence

from harness.cli.amounts import clock
from harness.cli.overview import CellRow
from harness.report.numbers import short


class Changes:
    """Remembers what was told of each cell.

    Args:
        known: rows that need no telling.
        quiet_s: shortest time between two tellings that a cell still runs.
    """

    def __init__(self, known: Sequence[CellRow], quiet_s: float) -> None:
        self._quiet_s = quiet_s
        self._told = {row.cell: (row, 0.0) for row in known}

    def of(self, rows: Sequence[CellRow], now: float) -> list[tuple[CellRow, CellRow | None]]:
        """Return the rows that are to be told, each with what was told of its cell before.

        Args:
            rows: of this look.
            now: seconds of a clock that only goes on.
        """
        news = []
        for row in rows:
            before, when = self._told.get(row.cell, (None, 0.0))
            goes_on = before is not None and (row.status, row.ended) == (before.status, before.ended)
            silent = before is None or row.progress in (None, before.progress) or now - when < self._quiet_s
            if goes_on and silent:
                continue
            self._told[row.cell] = (row, now)
            news.append((row, before))
        return news


def row_line(row: CellRow) -> str:
    """Return a cell as one line of a log."""
    return f"{row.status:8}  {row.cell}  {row_details(row)}".rstrip()


def row_details(row: CellRow) -> str:
    """Return how far a running cell is, or what there is to say of another one."""
    progress = row.progress
    if progress is None:
        return row.said()
    parts = [progress.phase, f"{progress.done}/{progress.total}"]
    parts += [] if progress.epoch is None else [f"epoch {progress.epoch}"]
    parts += [] if progress.scans_per_second is None else [f"{short(progress.scans_per_second)} scans/s"]
    parts += [] if progress.loss is None else [f"loss {short(progress.loss)}"]
    parts += [] if progress.seconds_left is None else [f"{clock(progress.seconds_left)} left"]
    return "  ".join(parts)
