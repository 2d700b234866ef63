"""One attempt at a cell: a lack of memory is met with smaller micro-batches, any other fault with a failed result."""

from __future__ import annotations

import math
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace

from harness.data.share import scans_per_part
from harness.errors import HarnessError
from harness.matrix.cell import run_cell
from harness.matrix.data import RunData
from harness.matrix.failure import UnrecordedFailure, attempted, describe, failed_result, record_failure
from harness.matrix.order import CellOrder
from harness.matrix.out_of_memory import OutOfMemory, OutOfMemoryError, give_up, let_go, out_of_memory
from harness.matrix.progress import Progress
from harness.matrix.ranks import ProcessOutOfMemory, run_in_processes
from harness.spec import CellResult, CellSpec
from harness.store import CellFolder, Store
from harness.train.sitting import Sitting, Stopped
from harness.train.stopwatch import Spent, spent_so_far


def attempt(
    order: CellOrder,
    folder: CellFolder,
    store: Store,
    data: RunData,
    progress: Progress,
    stop: Callable[[], bool],
) -> CellResult:
    """Run one cell and write its result; whatever goes wrong becomes a failed result with its reason.

    A training that runs out of memory goes on from its last checkpoint with half as many scans in one forward pass, at
    the same batch, down to one. `memory_retry` events tell of it, and a later attempt begins with the last of them.

    Args:
        order: the cell and what it may use.
        folder: of the cell, locked by the caller.
        store: where its teacher is found.
        data: that it trains on and is evaluated on.
        progress: told of every step.
        stop: asked after each step whether to save a checkpoint and leave.

    Raises:
        HarnessError: the cell's spec can't be read, so that no result can name it.
        UnrecordedFailure: it failed, and the result can't be written either.
        Stopped: `stop` said so.
    """
    spec, begun = folder.spec(), time.monotonic()
    before = spent_so_far(folder.checkpoints, spec.hash)
    running = _Attempt(order, spec, folder, store, data, progress, stop, before)
    try:
        result = running.run()
        running.require_folder()
        folder.write_result(result)
    except (Exception, SystemExit) as error:  # the others go on, whatever it was
        if stop():  # a scheduler that takes the machine may end the loader's workers first
            raise Stopped from error
        return running.failed(error, time.monotonic() - begun)
    attempted(lambda: folder.event("finished"), "event 'finished'", progress)  # the result stands without it
    return result


def remembered_micro_batch(folder: CellFolder) -> int | None:
    """Return the micro-batch that a former sitting came down to; None where none had to, or where none was enough.

    After a failure with a single scan somebody has made room, or the cell would fail again: it begins anew.
    """
    size = None
    for event in folder.events():
        if event["event"] == "memory_retry":
            size = event.get("micro_batch")
        elif event["event"] == "failed" and event.get("out_of_memory"):
            size = None
    return size if isinstance(size, int) and size > 0 else None


@dataclass(frozen=True)
class _Attempt:
    """A cell and all that running it needs."""

    order: CellOrder
    spec: CellSpec
    folder: CellFolder
    store: Store
    data: RunData
    progress: Progress
    stop: Callable[[], bool]
    before: Spent

    def run(self) -> CellResult:
        """Run the cell, with smaller and smaller micro-batches where it must be.

        Raises:
            OutOfMemoryError: smaller ones don't help, or there are none.
        """
        resources = self.order.resources
        size = min(filter(None, (resources.micro_batch, remembered_micro_batch(self.folder))), default=None)
        facts = {"device": str(resources.device), "processes": resources.processes, "micro_batch": size}
        self.folder.event("started", **facts)
        tried: list[int] = []
        while True:
            try:
                return self._sit(size)
            except Exception as error:
                lack = error.lack if isinstance(error, ProcessOutOfMemory) else out_of_memory(error)
                if lack is None:
                    raise
                let_go(error)
            # Only here, behind the handler, is nothing left that holds the error and with it the networks.
            tried.append(self._scans_in_a_pass(size))
            size = self._smaller(lack, tried)

    def require_folder(self) -> None:
        """Refuse a folder that was removed while the cell ran; whatever was written since has made part of it anew.

        Raises:
            HarnessError: its spec.json is gone.
        """
        if not (self.folder.path / "spec.json").exists():
            found = "its spec.json removed while the cell ran"
            raise HarnessError(self.folder.path, found, "a folder left alone until then", "Run the matrix again.")

    def failed(self, error: BaseException, seconds: float) -> CellResult:
        """Write the failed result of an error and return it.

        Raises:
            UnrecordedFailure: it can't be written.
        """
        try:
            self.require_folder()
        except HarnessError as removed:
            error = removed
            with suppress(HarnessError):  # a result needs a spec beside it; the writing of it says what is wrong
                self.store.add(self.spec, self.data.dataset.root)
        # The seconds of this attempt's own checkpoints are among those of the attempt.
        peak = spent_so_far(self.folder.checkpoints, self.spec.hash).peak_memory_mib
        spent, resources = replace(self.before, peak_memory_mib=peak), self.order.resources
        result = failed_result(self.spec, describe(error), self.store, self.folder, resources, spent, seconds)
        trace = "".join(traceback.format_exception(error))
        facts = {"traceback": trace, "out_of_memory": isinstance(error, OutOfMemoryError)}
        if not record_failure(self.folder, result, "failed", self.progress, **facts):
            raise UnrecordedFailure(describe(error)) from error
        return result

    def _sit(self, size: int | None) -> CellResult:
        if self.order.resources.processes > 1:
            return run_in_processes(self.order, size, self.progress, self.stop)
        sitting = Sitting(micro_batch=size, stop=self.stop)
        return run_cell(self.spec, self.folder, self.store, self.data, self.order.resources, self.progress, sitting)

    def _scans_in_a_pass(self, size: int | None) -> int:
        """Return the most scans that one process passed through its networks at once."""
        most = min(self.spec.recipe.batch_size, len(self.data.training_scans(self.spec.train_on)))
        return scans_per_part(most, size, self.order.resources.processes)

    def _smaller(self, lack: OutOfMemory, tried: list[int]) -> int:
        """Return the micro-batch to go on with, and tell of it.

        Raises:
            OutOfMemoryError: there is none that would help.
        """
        if not lack.in_training or tried[-1] == 1:
            raise give_up(lack, tried, self.spec.cell)
        size = math.ceil(tried[-1] / 2)
        self.folder.event("memory_retry", micro_batch=size, reason=lack.told)
        self.progress.note(
            f"Out of memory with {tried[-1]} scans in one pass ({lack.told}): goes on from the last checkpoint with at "
            f"most {size}. The batch stays {self.spec.recipe.batch_size}; batch normalisation sees {size} at a time."
        )
        return size
