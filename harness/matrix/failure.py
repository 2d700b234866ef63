"""A cell that failed: the reason that its result gives, and what is left where no disk takes the result."""

from __future__ import annotations

import traceback
from collections.abc import Callable

from harness.errors import HarnessError
from harness.matrix.order import Resources
from harness.matrix.progress import Progress
from harness.matrix.provenance import provenance
from harness.spec import CellResult, CellSpec
from harness.store import CellFolder, Store
from harness.train.stopwatch import Spent


class UnrecordedFailure(HarnessError):
    """A failed cell whose result could not be written, on a full or a read-only disk: whoever waits for it is told so.

    Args:
        reason: that its result would have given.
    """

    def __init__(self, reason: str) -> None:
        Exception.__init__(self, reason)
        self.reason = reason

    def __reduce__(self) -> tuple[type[UnrecordedFailure], tuple[str]]:  # type: ignore[override]
        """Survive the way out of a worker process."""
        return type(self), (self.reason,)


def describe(error: BaseException) -> str:
    """Return the reason that an error gives to a failed result."""
    if _worker_was_killed(error):
        found = f"a worker that was killed ({error})"
        remedy = "Use fewer --workers where memory is short, and run again."
        return str(HarnessError("data loader", found, "workers left alone, with enough memory", remedy))
    return str(error) if isinstance(error, HarnessError) else f"{type(error).__name__}: {error}"


def _worker_was_killed(error: BaseException) -> bool:
    """Tell what else the end of a loader's worker looks like.

    torch's handler of the signal raises wherever this process is just then; before it, a batch on its way is cut off.
    """
    if isinstance(error, RuntimeError):
        return str(error).startswith("DataLoader worker (pid")
    modules = (str(frame.f_globals.get("__name__")) for frame, _ in traceback.walk_tb(error.__traceback__))
    cut_off = isinstance(error, ConnectionError | EOFError)
    return cut_off and any(module.startswith(("torch.multiprocessing", "torch.utils.data")) for module in modules)


def failed_result(
    spec: CellSpec,
    reason: str,
    store: Store,
    folder: CellFolder,
    resources: Resources,
    spent: Spent,
    attempt_s: float | None,
) -> CellResult:
    """Return the failed result of a cell, with where it comes from as far as that can be told.

    Args:
        spec: the cell.
        reason: why it failed.
        store: where its teacher lies.
        folder: of the cell.
        resources: that it had.
        spent: by the attempts before the one that failed; all that is known where nobody timed that one.
        attempt_s: seconds of the attempt that failed; None when its process died.
    """
    phases = {"train": spent.seconds} if spent.sittings else {}
    phases |= {} if attempt_s is None else {"failed attempt": attempt_s}
    processes, memory, device = resources.processes, spent.peak_memory_mib, resources.device
    try:
        origin = provenance(spec, store, folder, phases, processes, memory, device, spent.sittings)
    except Exception:  # what made the cell fail may be in the way of this too, and the reason is what counts
        origin = None
    return CellResult(spec=spec, status="failed", reason=reason, provenance=origin)


def record_failure(folder: CellFolder, result: CellResult, event: str, progress: Progress, **facts: object) -> bool:
    """Write a failed result and its event; tell whether a full or read-only disk took the result.

    The event is tried in any case: a full disk often has room for a line where it has none for a file. A cell that was
    finished, and failed to be measured otherwise, keeps its result: its event, with ``kept``, tells of the failure.
    """
    kept = _has_numbers(folder, result)
    if kept:
        facts["kept"] = True
        progress.note("What was measured before stays as its result.")
    progress.note(f"failed: {result.reason}")
    written = kept or attempted(lambda: folder.write_result(result), "failure", progress)
    told = attempted(lambda: folder.event(event, reason=result.reason, **facts), f"event '{event}'", progress)
    return told if kept else written


def kept_failures(folder: CellFolder) -> list[str]:
    """Return the reasons of the failures that left a finished result in its place, oldest first."""
    return [str(event.get("reason")) for event in folder.events() if event.get("kept") is True]


def _has_numbers(folder: CellFolder, failed: CellResult) -> bool:
    """Tell whether the cell of a failed result has a finished one."""
    try:
        before = folder.result()
    except HarnessError:
        return False
    return before is not None and before.status == "finished" and before.spec.hash == failed.spec.hash


def attempted(write: Callable[[], object], what: str, progress: Progress) -> bool:
    """Write something whose loss must not stop the run; tell whether it was written."""
    try:
        write()
    except (HarnessError, OSError) as error:
        progress.note(f"the {what} could not be recorded: {error}")
        return False
    return True
