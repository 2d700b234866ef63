"""Run the cells of a matrix that are not finished, and share them with other runs on the same store."""

from __future__ import annotations

import time
from collections.abc import Sequence

from harness.matrix.awaited import AwaitedCell
from harness.matrix.budget_clock import BudgetClock
from harness.matrix.executors import Executor
from harness.matrix.order import CellOrder
from harness.matrix.progress import Progress
from harness.spec import CellResult
from harness.store import Store

LOOK_S = 1.0
"""Between two looks at cells that another run holds."""


def run_matrix(
    orders: Sequence[CellOrder],
    store: Store,
    executor: Executor,
    progress: Progress,
    clock: BudgetClock | None = None,
) -> list[CellResult]:
    """Run every cell that is not finished, and return the results of all, in order.

    A cell that fails gets a result with its reason, and a rerun tries it again. A cell that another run holds is waited
    for: its result is taken as it comes out, and when that run dies the cell is taken up here. A cell that the budget
    leaves out has no result here, and neither have its students.

    Args:
        orders: teachers before the students that need them; their folders are in the store.
        store: of the run.
        executor: runs them.
        progress: told of everything.
        clock: asked before each start; None where there is no budget.

    Raises:
        HarnessError: a cell's spec can't be read, or the executor can't begin.
    """
    cells = _awaited(orders, store, progress, clock)
    pending = [cell for cell in cells.values() if not cell.finished()]
    if len(pending) < len(cells):
        progress.note(f"{len(cells) - len(pending)} of {len(cells)} cells were finished before: skipped.")
    while pending:
        held = {cell.order.cell for cell in pending if cell.held()}
        free = [cell.order for cell in pending if not {cell.order.cell, cell.order.teacher} & held]
        if free:
            executor.run(
                free,
                progress,
                lambda order, reason: cells[order.cell].ended(reason),
                lambda order: cells[order.cell].may_start(),
            )
        else:
            time.sleep(LOOK_S)
        pending = _still_open(pending)
    return [cell.result() for cell in cells.values() if not cell.left_out]


def _awaited(
    orders: Sequence[CellOrder], store: Store, progress: Progress, clock: BudgetClock | None
) -> dict[str, AwaitedCell]:
    """Return the cells by hash, each once."""
    cells: dict[str, AwaitedCell] = {}
    told: set[str] = set()
    for order in orders:
        teacher = None if order.teacher is None else cells.get(order.teacher)
        cells[order.cell] = AwaitedCell(order, store, teacher, progress, clock, told)
    return cells


def _still_open(pending: list[AwaitedCell]) -> list[AwaitedCell]:
    """Return the cells without an answer, and the students that answered before their teachers did."""
    silent = {cell.order.cell for cell in pending if not cell.answered()}
    still = [cell for cell in pending if {cell.order.cell, cell.order.teacher} & silent and not cell.settled()]
    for cell in still:
        cell.ask_again()
    return still
