"""Queued cells whose jobs the cluster has no more: cancelled while nobody waited for them."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import replace

from harness.cli.overview import CellRow, Overview
from harness.matrix.executors.slurm_queue import QueuedJob, read_queue

ASK_S = 10.0
"""Shortest time between two questions to SLURM's controller."""

Queue = Callable[[], Mapping[str, QueuedJob] | None]


class QueuedCells:
    """The rows of an overview, with queued cells as SLURM's queue has them where it can be asked.

    A job of another user is left as its cell's events tell of it, since the queue is asked for the user's own.

    Args:
        overview: of the cells.
        queue: returns the user's jobs by name, None where SLURM doesn't answer; None: nobody can be asked.
    """

    def __init__(self, overview: Overview, queue: Queue | None = None) -> None:
        self._overview = overview
        self._queue = queue or (read_queue if shutil.which("squeue") else None)
        self._asked = -ASK_S
        self._gone: set[CellRow] = set()

    def rows(self) -> list[CellRow]:
        """Return the cells; a queued one whose job is gone is pending."""
        rows = self._overview.rows()
        queued = {row for row in rows if row.status == "queued" and row.job is not None}
        if self._queue is not None and queued and time.monotonic() - self._asked >= ASK_S:
            self._ask(self._queue, queued)
        return [_left(row) if row in self._gone else row for row in rows]

    def _ask(self, queue: Queue, queued: set[CellRow]) -> None:
        """Find the rows that wait for nothing; what comes to wait later is another row."""
        jobs, self._asked = queue(), time.monotonic()
        if jobs is not None:
            self._gone = {row for row in queued if row.job not in jobs and self._is_mine(row)}

    def _is_mine(self, row: CellRow) -> bool:
        try:
            return self._overview.folder(row.cell).stat().st_uid == os.getuid()
        except OSError:
            return False


def _left(row: CellRow) -> CellRow:
    """Return a queued cell as one that no queue has."""
    return replace(row, status="pending", reason=f"SLURM has no job {row.job} here any more", since=None, job=None)
