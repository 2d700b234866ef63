"""Run cells in this process, one after another."""

from __future__ import annotations

from collections.abc import Sequence

from harness.matrix.executors import MayStart, OnEnd, always
from harness.matrix.failure import describe
from harness.matrix.job import run_order
from harness.matrix.order import CellOrder
from harness.matrix.progress import FileProgress, Progress
from harness.store import Store


class DebugExecutor:
    """The executor that a debugger can follow.

    submitit has one of that name, which opens pdb on an error and puts back an environment of its own: not what a
    script, a test or a long run is served by. A loop is all that is needed.
    """

    def run(self, orders: Sequence[CellOrder], progress: Progress, on_end: OnEnd, may_start: MayStart = always) -> None:
        """Run every order; see `Executor`."""
        for number, order in enumerate(orders, 1):
            if not may_start(order):
                continue
            reason = None
            try:
                folder = Store(order.out).find(order.cell)
                with FileProgress(folder, progress) as told:
                    told.cell(folder.spec().name, number, len(orders))
                    run_order(order, told)
            except Exception as error:  # of this cell alone: the others go on
                reason = describe(error)
            on_end(order, reason)
