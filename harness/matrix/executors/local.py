"""Run cells in processes of this machine, several at once."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path

from submitit import LocalExecutor as Submitit

from harness.errors import HarnessError
from harness.files import make_folder
from harness.matrix.executors import MayStart, OnEnd, always
from harness.matrix.executors.lanes import Lane, lanes
from harness.matrix.executors.leash import Leash
from harness.matrix.executors.local_process import LocalProcess, start
from harness.matrix.executors.worker import OrderJob
from harness.matrix.failure import attempted, describe
from harness.matrix.order import CellOrder
from harness.matrix.progress import Progress
from harness.store import Store

LOOK_S = 0.2
"""Between two looks at the processes."""


class LocalExecutor:
    """One process for one cell, by submitit's executor of that name, which watches it and keeps its log.

    A process that dies takes no other cell with it. All end with this one, however it ends: see `Leash`.

    Args:
        folder: for logs, one folder in it for each call of `run`.
        jobs: cells at once; None: as many as there are GPUs for, and one on a CPU.
    """

    def __init__(self, folder: Path, jobs: int | None = None) -> None:
        self.folder, self.jobs = folder, jobs

    def run(self, orders: Sequence[CellOrder], progress: Progress, on_end: OnEnd, may_start: MayStart = always) -> None:
        """Run every order; see `Executor`.

        Raises:
            HarnessError: there are too few GPUs, or no folder for the logs can be made.
        """
        if orders:
            free = lanes(orders[0].resources, self.jobs, len(orders))
            folder = self.folder / f"local-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}"
            make_folder(folder)
            _Sitting(folder, free, orders, progress, on_end, may_start).run()


class _Sitting:
    """One call of `LocalExecutor.run`."""

    def __init__(
        self,
        folder: Path,
        free: list[Lane],
        orders: Sequence[CellOrder],
        progress: Progress,
        on_end: OnEnd,
        may_start: MayStart,
    ) -> None:
        self._leash = Leash(folder / ".run.lock")
        self._submitit = Submitit(folder)
        self._free, self._waiting, self._total = free, list(orders), len(orders)
        self._progress, self._on_end, self._may_start = progress, on_end, may_start
        self._running: list[LocalProcess] = []

    def run(self) -> None:
        """Start and reap until nothing is left; whatever interrupts that, no process stays behind."""
        try:
            with self._leash.held():
                while self._waiting or self._running:
                    while self._free and (order := self._next()) is not None:
                        self._start(order)
                    time.sleep(LOOK_S)
                    self._reap()
        finally:
            while not all(process.job.done() for process in self._running):
                time.sleep(LOOK_S)

    def _next(self) -> CellOrder | None:
        """Take the first cell whose teacher is not still to come, and that may start."""
        while True:
            to_come = {order.cell for order in (*self._waiting, *(process.order for process in self._running))}
            order = next((order for order in self._waiting if order.teacher not in to_come), None)
            if order is None:
                return None
            self._waiting.remove(order)
            if self._may_start(order):
                return order

    def _start(self, order: CellOrder) -> None:
        """Start a cell in a free lane; what can't be started has ended."""
        try:
            folder = Store(order.out).find(order.cell)
            self._progress.cell(folder.spec().name, self._total - len(self._waiting), self._total)
            process = start(self._submitit, OrderJob(self._leash), order, self._free[-1])
        except (HarnessError, OSError) as error:  # a full disk, or no process to be had
            self._on_end(order, f"its process could not be started: {describe(error)}")
            return
        self._running.append(process)
        self._free.pop()
        facts = {"executor": "local", "job": process.job.job_id, "log": str(process.log)}
        attempted(lambda: folder.event("submitted", **facts), "event 'submitted'", self._progress)

    def _reap(self) -> None:
        for process in [process for process in self._running if process.job.done()]:
            self._running.remove(process)
            self._free.append(process.lane)
            self._on_end(process.order, process.end())
