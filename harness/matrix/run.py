"""Run the cells of a matrix one after another; a cell that fails does not stop the others."""

from __future__ import annotations

import traceback

from filelock import Timeout

from harness.errors import HarnessError
from harness.matrix.cell import run_cell
from harness.matrix.data import RunData
from harness.matrix.order import Resources
from harness.matrix.progress import Progress
from harness.spec import CellResult, CellSpec
from harness.store import CellFolder, Store


def run_matrix(
    specs: list[CellSpec], store: Store, data: RunData, resources: Resources, progress: Progress
) -> list[CellResult]:
    """Run every cell that is not finished, in order, and return the results of all.

    A cell that fails gets a result with its reason, and a rerun tries it again; one that another process is running is
    left to it and has no result here.
    """
    folders = [store.add(spec, data.dataset.root) for spec in specs]
    results = []
    for number, (spec, folder) in enumerate(zip(specs, folders, strict=True), 1):
        progress.cell(spec.name, number, len(specs))
        if spec.teacher is not None and store.find(spec.teacher).status() == "running":
            progress.note(f"The teacher of {spec.cell} is being trained by another process: run again when it is done.")
            continue
        try:
            with folder.lock():
                results.append(
                    _finished(spec, folder, progress) or _attempt(spec, folder, store, data, resources, progress)
                )
        except Timeout:
            progress.note(f"{spec.cell} is being run by another process: left to it.")
    return results


def _finished(spec: CellSpec, folder: CellFolder, progress: Progress) -> CellResult | None:
    """Return the result of a cell that is finished and measured as its spec now asks."""
    result = folder.result()
    if result is None or result.status == "failed":
        return None
    if (result.spec.hash, result.spec.measure) != (spec.hash, spec.measure):
        return None
    progress.note("finished before: skipped")
    return result


def _attempt(
    spec: CellSpec, folder: CellFolder, store: Store, data: RunData, resources: Resources, progress: Progress
) -> CellResult:
    """Run one cell, and turn whatever goes wrong into a failed result."""
    try:
        folder.event("started", device=str(resources.device))
        result = run_cell(spec, folder, store, data, resources, progress)
        folder.write_result(result)
        folder.event("finished")
    except (Exception, SystemExit) as error:  # the others go on, whatever it was
        reason = str(error) if isinstance(error, HarnessError) else f"{type(error).__name__}: {error}"
        result = CellResult(spec=spec, status="failed", reason=reason)
        progress.note(f"failed: {reason}")
        _record_failure(folder, result, traceback.format_exc(), progress)
    return result


def _record_failure(folder: CellFolder, result: CellResult, trace: str, progress: Progress) -> None:
    """Write the failed result; a full or read-only disk may refuse even that, and the run goes on all the same."""
    try:
        folder.write_result(result)
        folder.event("failed", reason=result.reason, traceback=trace)
    except (HarnessError, OSError) as error:
        progress.note(f"the failure could not be recorded: {error}")
