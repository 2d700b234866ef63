"""A cell on its way to its result, whoever runs it."""

from __future__ import annotations

from filelock import Timeout

from harness.errors import HarnessError
from harness.matrix.budget_clock import BudgetClock
from harness.matrix.failure import failed_result, kept_failures, record_failure
from harness.matrix.job import finished_result
from harness.matrix.order import CellOrder
from harness.matrix.progress import Progress
from harness.spec import CellResult
from harness.store import CellFolder, Store
from harness.train.stopwatch import spent_so_far

SILENT_ENDS = 2
"""Of a cell nobody holds, without a result: once another run may have died just then; twice it can't be written."""

UNWRITTEN = "it ended without a result that could be written: look for room and permissions in the store"


class AwaitedCell:
    """A cell whose answer is a result.json that was not there when it was asked for.

    Args:
        order: the cell.
        store: of the run.
        teacher: its teacher, where that is awaited too.
        progress: told what happens.
        clock: of the run's budget, None without one.
        told: the cells that were said to be waited for, shared by all.

    Attributes:
        order: the cell.
        left_out: the budget did not let it start.
    """

    def __init__(
        self,
        order: CellOrder,
        store: Store,
        teacher: AwaitedCell | None,
        progress: Progress,
        clock: BudgetClock | None,
        told: set[str],
    ) -> None:
        self.order, self.left_out = order, False
        self._store, self._folder = store, store.find(order.cell)
        self._teacher = teacher
        self._teacher_folder = None if order.teacher is None else store.find(order.teacher)
        self._spec = self._folder.spec()
        self._progress, self._clock, self._told = progress, clock, told
        self._unwritten: CellResult | None = None
        self._silent_ends, self._counted = 0, False
        self.ask_again()

    def ask_again(self) -> None:
        """Let only a result from now on be an answer, or a failure beside the result of before."""
        self._before = _mark(self._folder)
        self._failures_before = len(kept_failures(self._folder))

    def finished(self) -> bool:
        """Tell whether there is the result that the cell's spec asks for; a folder that was removed has none."""
        try:
            return finished_result(self._folder) is not None
        except HarnessError:
            return False

    def settled(self) -> bool:
        """Tell whether asking again is of no use."""
        return self.left_out or self._unwritten is not None or self.finished()

    def answered(self) -> bool:
        """Tell whether there is a result since it was asked for, or will be none."""
        return (
            self.left_out
            or self._unwritten is not None
            or _mark(self._folder) != self._before
            or bool(self._new_failures())
        )

    def held(self) -> bool:
        """Tell whether another process has the cell or its teacher, and say once which."""
        holding = [f.cell for f in (self._teacher_folder, self._folder) if f is not None and f.locked()]
        for cell in holding:
            if cell not in self._told:
                self._told.add(cell)
                self._progress.note(f"{cell} is being run by another process: waiting for it.")
        return bool(holding)

    def may_start(self) -> bool:
        """Ask the budget, and tell what it says."""
        if self._clock is None:
            return True
        if self._teacher is not None and self._teacher.left_out:
            reason: str | None = "left out as its teacher was"
        else:
            reason = self._clock.start(self.order.cell)
        self._counted = reason is None
        if reason is not None:
            self.left_out = True
            self._progress.note(f"{self._folder.cell}: {reason}")
        return self._counted

    def ended(self, reason: str | None) -> None:
        """Take note that the process of this cell has ended; record its death where it left no result.

        Args:
            reason: why it died, None when it ended by itself.
        """
        if self._clock is not None and self._counted:
            self._clock.end(self.order.cell)
            self._clock = None  # what it asks for again, after another run has had it, it has been granted
        if self.answered():
            return
        if reason is None:
            if self.held():
                return
            self._silent_ends += 1
            if self._silent_ends < SILENT_ENDS:
                return
            reason = UNWRITTEN
        self._record(reason)

    def _record(self, reason: str) -> None:
        spent = spent_so_far(self._folder.checkpoints, self._spec.hash)
        result = failed_result(self._spec, reason, self._store, self._folder, self.order.resources, spent, None)
        try:
            with self._folder.lock():
                if not self.answered() and not record_failure(self._folder, result, "killed", self._progress):
                    self._unwritten = result
        except Timeout:  # it goes on in another process, whose result is waited for
            return
        except OSError:
            self._unwritten = result

    def result(self) -> CellResult:
        """Return the result.

        Raises:
            ValueError: there is none.
        """
        failures = self._new_failures()
        if failures and not self.finished():
            return CellResult(spec=self._spec, status="failed", reason=failures[-1])
        result = self._unwritten or self._folder.result()
        if result is None:
            raise ValueError(f"{self._folder.cell} has no result")
        return result

    def _new_failures(self) -> list[str]:
        """Return why it failed since it was asked for, each time that its result of before stayed."""
        return kept_failures(self._folder)[self._failures_before :] if self._before is not None else []


def _mark(folder: CellFolder) -> tuple[int, int] | None:
    """Tell one result.json from another that has taken its place; None without any."""
    try:
        state = (folder.path / "result.json").stat()
    except OSError:
        return None
    return state.st_ino, state.st_mtime_ns
