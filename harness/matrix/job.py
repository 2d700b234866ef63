"""One order from its data to its result, in whatever process it has come to."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable
from contextlib import ExitStack
from typing import Literal

from filelock import Timeout

from harness.errors import HarnessError
from harness.files import write_error
from harness.matrix.attempt import attempt
from harness.matrix.data import RunData, prepare_data
from harness.matrix.failure import describe, failed_result, record_failure
from harness.matrix.order import CellOrder
from harness.matrix.progress import Progress
from harness.matrix.working_copy import working_copy
from harness.progress import PROGRESS
from harness.spec import CellResult, DatasetSpec
from harness.store import CellFolder, Store
from harness.train.leftovers import remove_leftovers
from harness.train.sitting import never
from harness.train.stopwatch import spent_so_far

REWRITTEN = ("result.json", "metrics.jsonl", PROGRESS)
"""Files that only who holds the cell writes, and that a kill may leave half-written beside their place."""

Outcome = Literal["done", "elsewhere"]
"""``done``: the cell was finished before, or has a new result. ``elsewhere``: another process holds it."""


def run_order(order: CellOrder, progress: Progress, stop: Callable[[], bool] = never) -> Outcome:
    """Run a cell unless it is finished; the lock of the cell is held by the process that calls this.

    A student whose teacher another process is training is left to be ordered again, as one that is itself held.

    Args:
        order: the cell, whose folder with its spec.json is in the store.
        progress: told of every step.
        stop: asked after each step whether to save a checkpoint and leave.

    Raises:
        HarnessError: the cell isn't in the store, its spec can't be read, or its lock can't be written.
        Stopped: `stop` said so.
    """
    working_copy()  # asked before the training: a commit made meanwhile has no part in it
    store = Store(order.out)
    folder = store.find(order.cell)
    if order.teacher is not None and store.find(order.teacher).locked():
        return "elsewhere"
    with ExitStack() as held:
        try:
            held.enter_context(folder.lock())
        except Timeout:
            return "elsewhere"
        except OSError as error:
            raise write_error(folder.path, error) from error
        if finished_result(folder) is None:
            for name in REWRITTEN:
                remove_leftovers(folder.path, of=name)
            _run(order, folder, store, progress, stop)
    return "done"


def finished_result(folder: CellFolder) -> CellResult | None:
    """Return the result of a cell that is finished and measured as its spec now asks.

    Raises:
        HarnessError: its spec can't be read.
    """
    spec, result = folder.spec(), folder.result()
    if result is None or result.status == "failed":
        return None
    if (result.spec.hash, result.spec.measure) != (spec.hash, spec.measure):
        return None
    return result


def _run(order: CellOrder, folder: CellFolder, store: Store, progress: Progress, stop: Callable[[], bool]) -> None:
    """Prepare the data and attempt the cell; data that can't be prepared makes a failed result as well."""
    spec, begun = folder.spec(), time.monotonic()
    try:
        data = _prepared(order, spec.dataset, store, progress)
    except (Exception, SystemExit) as error:
        spent, seconds = spent_so_far(folder.checkpoints, spec.hash), time.monotonic() - begun
        result = failed_result(spec, describe(error), store, folder, order.resources, spent, seconds)
        record_failure(folder, result, "failed", progress, traceback=traceback.format_exc())
        return
    attempt(order, folder, store, data, progress, stop)


def _prepared(order: CellOrder, planned: DatasetSpec, store: Store, progress: Progress) -> RunData:
    """Return the data of a cell.

    Raises:
        HarnessError: it can't be used, or is not what the cell was planned for.
    """
    data = prepare_data(order.copy, store.path, order.resources.workers, progress.note)
    changed = [name for name in DatasetSpec.model_fields if getattr(data.spec, name) != getattr(planned, name)]
    if changed:
        found = f"data that changed since the run was planned ({', '.join(changed)})"
        remedy = "Run the matrix again: other data makes other cells."
        raise HarnessError(order.copy.root, found, f"manifest {planned.manifest[:12]}…", remedy)
    return data
