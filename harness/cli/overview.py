"""How the cells of a store stand, read again and again at little cost."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Generic, Literal, TypeVar

from harness.errors import HarnessError
from harness.events import parse_event
from harness.plain_text import plain
from harness.progress import PROGRESS, CellProgress, ProgressFile
from harness.store import CellFolder, Store

RowStatus = Literal["running", "failed", "queued", "pending", "finished", "broken"]
TAIL_BYTES = 1 << 16
"""Of events.jsonl, more than any one event: that of a failure has a traceback."""
OF_THIS_MACHINE = ("debug", "local")
"""Executors whose queue ends with them; what they had queued is then pending."""
Kept = TypeVar("Kept")


@dataclass(frozen=True)
class CellRow:
    """How a cell stands.

    Attributes:
        cell: folder name, ``<hash>-<name>``.
        status: as its lock, its result and its last event tell; queued: a cluster has it and has not begun.
        progress: of a running cell that has told of it.
        miou: 0–1, of a finished cell, and of one that was finished and failed to be measured otherwise.
        reason: of a failed or broken cell, or of one that no queue has any more.
        ended: when its result was written, in nanoseconds since 1970; None without one.
        since: of a queued cell, when it came to wait, as its event says it.
        job: of a queued cell, by the name that its cluster has for it; None when nobody noted it.
    """

    cell: str
    status: RowStatus
    progress: CellProgress | None = None
    miou: float | None = None
    reason: str | None = None
    ended: int | None = None
    since: str | None = None
    job: str | None = None

    def said(self) -> str:
        """Return in a line what there is to say of a cell that doesn't run; mostly the reason or the mIoU."""
        if self.reason is not None:
            return plain(self.reason)
        if self.since is not None:
            return plain(f"since {self.since[:16].replace('T', ' ')}")
        return "" if self.miou is None else f"mIoU {100 * self.miou:.1f} %"

    def record(self) -> dict[str, Any]:
        """Return the row for scripts."""
        row = {"cell": self.cell, "status": self.status, "miou": self.miou, "reason": self.reason, "since": self.since}
        shown = ("phase", "epoch", "done", "total", "scans_per_second", "loss", "seconds_left")
        return row | {key: getattr(self.progress, key, None) for key in shown}


class Overview:
    """Reads cells; a file that has not changed since the last look is not read again.

    Args:
        store: of the cells.
        cells: their folder names, whether they are there yet or not; None for all that are there.
    """

    def __init__(self, store: Store, cells: Sequence[str] | None = None) -> None:
        self._store, self._cells = store, cells
        self._looks: dict[str, _Look] = {}

    def rows(self) -> list[CellRow]:
        """Return the cells in their order, or by name."""
        cells = [folder.cell for folder in self._store.cells()] if self._cells is None else self._cells
        for cell in cells:
            if cell not in self._looks:
                self._looks[cell] = _Look(CellFolder(self._store.path / cell))
        return [self._looks[cell].row() for cell in cells]

    def folder(self, cell: str) -> Path:
        """Return the folder of a cell."""
        return self._store.path / cell


class _Look:
    """The files of one cell that tell how it stands."""

    def __init__(self, folder: CellFolder) -> None:
        self._folder = folder
        self._result = _Unchanged(folder.path / "result.json", _read_result)
        self._events = _Unchanged(folder.path / "events.jsonl", _last_events)
        self._progress = ProgressFile(folder.path / PROGRESS)

    def row(self) -> CellRow:
        """Return how the cell stands."""
        (event, job), cell = self._events.read() or ({}, None), self._folder.cell
        if self._folder.locked():
            return CellRow(cell, "running", _of_this_sitting(self._progress.read(), event))
        row = self._result.read() or CellRow(cell, "pending")
        if event.get("event") == "killed" or event.get("kept") is True:
            return CellRow(cell, "failed", miou=row.miou, reason=str(event.get("reason")), ended=row.ended)
        waits = event.get("event") == "submitted" and event.get("executor") not in OF_THIS_MACHINE
        if waits or event.get("event") == "preempted":
            return CellRow(cell, "queued", ended=row.ended, since=event["time"], job=job)
        return row


def _of_this_sitting(progress: CellProgress | None, event: dict[str, Any]) -> CellProgress | None:
    """Return what a running cell says of itself; what it said before it was killed and began again is no news."""
    if progress is None or event.get("event") not in ("submitted", "started", "resumed", "killed", "preempted"):
        return progress
    try:
        begun = datetime.fromisoformat(event["time"]).timestamp()
    except ValueError:
        return progress
    return progress if progress.time >= begun else None


def _read_result(path: Path) -> CellRow | None:
    folder = CellFolder(path.parent)
    try:
        ended = path.stat().st_mtime_ns
        result = folder.result()
    except (HarnessError, OSError) as error:
        return CellRow(folder.cell, "broken", reason=str(error))
    if result is None:
        return None
    miou = None if result.score is None else result.score.miou
    return CellRow(folder.cell, result.status, miou=miou, reason=result.reason, ended=ended)


def _last_events(path: Path) -> tuple[dict[str, Any], str | None] | None:
    """Return the last event, and the job of the last submission as far as the end of the file goes back."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - TAIL_BYTES))
            lines = file.read().splitlines()
    except OSError:
        return None
    events = [event for line in lines if (event := parse_event(line)) is not None]
    jobs = [event.get("job") for event in events if event["event"] == "submitted"]
    return (events[-1], str(jobs[-1]) if jobs and jobs[-1] else None) if events else None


class _Unchanged(Generic[Kept]):
    """Reads a file again when its size or time of change differ from those of the last reading."""

    def __init__(self, path: Path, reader: Callable[[Path], Kept | None]) -> None:
        self._path, self._reader = path, reader
        self._mark: tuple[int, int, int] | None = None
        self._kept: Kept | None = None

    def read(self) -> Kept | None:
        """Return what the file says, None when it isn't there."""
        try:
            facts = self._path.stat()
        except OSError:
            return None
        mark = (facts.st_mtime_ns, facts.st_size, facts.st_ino)
        if mark != self._mark:
            self._mark, self._kept = mark, self._reader(self._path)
        return self._kept
