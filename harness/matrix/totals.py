"""What a plan will take in all: device hours, wall hours, memory and disk."""

from __future__ import annotations

import heapq
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.matrix.forecast import Forecast
from harness.matrix.standing import MIB
from harness.spec import CellSpec


@dataclass(frozen=True)
class Totals:
    """Sums over the cells of a plan.

    Attributes:
        cells: how many.
        finished: of these.
        unknown: cells whose hours nobody knows; the sums are without them.
        device_hours: left.
        wall_hours: left, with every slot busy whenever a cell may start.
        slots: cells at once.
        processes: that share a cell.
        memory_mib: the largest known peak of a cell to run; None when none is known.
        memory_unknown: cells to run whose peak nobody knows.
        disk_mib: of all folders in the end.
        disk_left_mib: to be written.
        disk_free_mib: where they will be.
    """

    cells: int
    finished: int
    unknown: int
    device_hours: float
    wall_hours: float
    slots: int
    processes: int
    memory_mib: float | None
    memory_unknown: int
    disk_mib: float
    disk_left_mib: float
    disk_free_mib: float

    @property
    def fits(self) -> bool:
        """Whether the disk has room for what is to be written."""
        return self.disk_left_mib <= self.disk_free_mib


def totals(
    specs: Sequence[CellSpec], forecasts: Mapping[str, Forecast], slots: int, out: Path, processes: int = 1
) -> Totals:
    """Return the sums over some cells, in the order in which they run.

    Args:
        specs: the cells.
        forecasts: of at least these, by hash.
        slots: cells at once.
        out: folder of the run; it need not be there yet.
        processes: that share a cell, in one slot: its device hours go by in as many times less.
    """
    chosen = [(spec, forecasts[spec.hash]) for spec in specs]
    to_run = [found for _, found in chosen if found.status != "finished"]
    peaks = [found.memory_mib for found in to_run if found.memory_mib is not None]
    return Totals(
        cells=len(chosen),
        finished=len(chosen) - len(to_run),
        unknown=sum(found.unknown for found in to_run),
        device_hours=sum(found.hours or 0.0 for found in to_run),
        wall_hours=wall_hours(specs, forecasts, slots) / processes,
        slots=slots,
        processes=processes,
        memory_mib=max(peaks, default=None),
        memory_unknown=len(to_run) - len(peaks),
        disk_mib=sum(found.disk_mib for _, found in chosen),
        disk_left_mib=sum(found.disk_left_mib for found in to_run),
        disk_free_mib=free_mib(out),
    )


def wall_hours(specs: Sequence[CellSpec], forecasts: Mapping[str, Forecast], slots: int) -> float:
    """Return when the last cell of one process ends if a free slot takes the first cell whose teacher has ended.

    Args:
        specs: the cells, in the order in which they run.
        forecasts: of these, by hash; unknown hours count as none.
        slots: cells at once.
    """
    hours = {key: found.hours or 0.0 for key, found in forecasts.items()}
    waiting = [(spec.hash, spec.teacher) for spec in specs if forecasts[spec.hash].status != "finished"]
    unfinished = {key for key, _ in waiting}
    running: list[tuple[float, str]] = []
    now = 0.0
    while waiting or running:
        ready = [cell for cell in waiting if cell[1] not in unfinished][: slots - len(running)]
        for cell in ready:
            waiting.remove(cell)
            heapq.heappush(running, (now + hours[cell[0]], cell[0]))
        now = running[0][0]
        while running and running[0][0] == now:
            unfinished.discard(heapq.heappop(running)[1])
    return now


def free_mib(out: Path) -> float:
    """Return the free space of the disk that a folder is on, or will be on once it is made."""
    there = next(folder for folder in (out.absolute(), *out.absolute().parents) if folder.exists())
    return shutil.disk_usage(there).free / MIB
