"""What a process does that an executor has started for one cell."""

from __future__ import annotations

import faulthandler
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

from submitit.helpers import DelayedSubmission

from harness.heap import keep_freed_memory
from harness.matrix.job import Outcome, run_order
from harness.matrix.order import CellOrder
from harness.matrix.progress import FileProgress
from harness.store import Store

Surroundings = Callable[[], AbstractContextManager[Callable[[], bool]]]
"""Entered while a cell runs; yields what tells whether it should stop at its next checkpoint."""


@dataclass(frozen=True)
class OrderJob:
    """The callable that submitit sends to a process. It writes its notes to that process's log.

    Attributes:
        surroundings: what watches for the end that others may decide on; sent along, so it has to be picklable.
    """

    surroundings: Surroundings

    def __call__(self, order: CellOrder) -> Outcome:
        """Run the order; see `run_order`."""
        faulthandler.enable()  # the log names the cause when the process crashes
        keep_freed_memory()
        folder = Store(order.out).find(order.cell)
        with self.surroundings() as stop, FileProgress(folder) as progress:
            return run_order(order, progress, stop)

    def checkpoint(self, order: CellOrder) -> DelayedSubmission:
        """Return what submitit is to run when it queues the job again: the same, which goes on from its checkpoint."""
        return DelayedSubmission(self, order)
