"""Cells on disk: one folder each, written by the matrix, read by report and export."""

from __future__ import annotations

import json
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Literal, TypeVar

from harness.errors import HarnessError
from harness.events import EventLog
from harness.files import write_if_changed, write_text
from harness.lock import Lock
from harness.record_file import read_record
from harness.spec import SCHEMA_VERSION, CellResult, CellSpec

Status = Literal["finished", "failed", "running", "pending"]
REPEAT = "repeat.yaml"
"""In a cell's folder: a matrix that has this cell and its teacher, with every setting spelled out."""
Record = TypeVar("Record", CellSpec, CellResult)


class CellFolder:
    """The files of one cell.

    spec.json · location.json · repeat.yaml · events.jsonl · progress.json (while it runs) · metrics.jsonl ·
    checkpoint/ · weights.safetensors · result.json
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.checkpoints = path / "checkpoint"
        self.metrics = path / "metrics.jsonl"
        self._events = EventLog(path / "events.jsonl")
        self._lock = Lock(path / ".lock")

    @property
    def cell(self) -> str:
        """The cell's folder name, ``<hash>-<name>``."""
        return self.path.name

    def spec(self) -> CellSpec:
        """Read spec.json."""
        return _read(self.path / "spec.json", CellSpec)

    def result(self) -> CellResult | None:
        """Read result.json, or return None when there is none yet.

        A damaged one, or that of another cell, is a failed result that says so: its cell is run again.
        """
        path = self.path / "result.json"
        if not path.exists():
            return None
        try:
            return self._own(_read(path, CellResult), path)
        except HarnessError as error:
            return CellResult(spec=self.spec(), status="failed", reason=str(error))

    def _own(self, result: CellResult, path: Path) -> CellResult:
        if not self.cell.startswith(result.spec.hash):
            found, remedy = f"the result of {result.spec.cell}", "Run the matrix again: this cell will be run anew."
            raise HarnessError(path, found, f"that of {self.cell}", remedy)
        return result

    def write_result(self, result: CellResult) -> None:
        """Write result.json by rename."""
        write_text(self.path / "result.json", result.model_dump_json(indent=2) + "\n")

    def data_root(self) -> Path:
        """Where the cell's data set lay when it last ran."""
        path = self.path / "location.json"
        try:
            return Path(json.loads(path.read_text())["root"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            remedy = "Name the data's root on the command line, or run the matrix again."
            raise HarnessError(path, f"{type(error).__name__} on reading", "the cell's data root", remedy) from error

    def event(self, name: str, **facts: Any) -> None:
        """Append one line to events.jsonl: what happened, and when."""
        self._events.append(name, **facts)

    def events(self) -> list[dict[str, Any]]:
        """Read events.jsonl, oldest first; a line that a kill or a full disk cut short is left out."""
        return self._events.rows()

    def status(self) -> Status:
        """Finished or failed by its result, running when its lock is held, else pending."""
        if self.locked():
            return "running"
        result = self.result()
        return result.status if result else "pending"

    def lock(self, patience_s: float = 2.0) -> AbstractContextManager[None]:
        """Hold the cell.

        Args:
            patience_s: longer than `locked` holds it for a look, so that looking never takes a cell from a runner.

        Raises:
            filelock.Timeout: another process holds it.
        """
        return self._lock.hold(patience_s)

    def locked(self) -> bool:
        """Tell whether somebody runs the cell, in microseconds."""
        return self._lock.held()


class Store:
    """All cells under ``<out>/store``."""

    def __init__(self, out: Path) -> None:
        self.out = out
        self.path = out / "store"

    def add(self, spec: CellSpec, data_root: Path) -> CellFolder:
        """Make the folder of a cell, or find it, and note where its data lies now."""
        folder = CellFolder(self.path / spec.cell)
        write_if_changed(folder.path / "spec.json", spec.model_dump_json(indent=2) + "\n")
        write_if_changed(folder.path / "location.json", json.dumps({"root": str(data_root.resolve())}) + "\n")
        return folder

    def result(self, spec: CellSpec) -> CellResult | None:
        """Return the result of a cell, None when it has none."""
        return CellFolder(self.path / spec.cell).result()

    def status(self, spec: CellSpec) -> Status:
        """Return the status of a cell, pending when it has no folder yet."""
        folder = CellFolder(self.path / spec.cell)
        return folder.status() if folder.path.exists() else "pending"

    def cells(self) -> list[CellFolder]:
        """List the cells, by name and then by hash."""
        folders = [CellFolder(path.parent) for path in self.path.glob("*/spec.json")]
        return sorted(folders, key=lambda folder: (folder.cell.partition("-")[2], folder.cell))

    def find(self, text: str) -> CellFolder:
        """Return the one cell whose folder name, hash or name is `text`, or whose folder name contains it.

        Raises:
            HarnessError: no cell or several cells match.
        """
        folders = self.cells()
        exact = [f for f in folders if text in (f.cell, *f.cell.split("-", 1))]
        matches = exact or [f for f in folders if text in f.cell]
        if len(matches) == 1:
            return matches[0]
        known = ", ".join(f.cell for f in matches or folders)
        remedy = f"Give one of: {known}." if known else "The store is empty: run a matrix with this --out first."
        raise HarnessError(f"cell {text!r} in {self.path}", f"{len(matches)} cells that match", "exactly one", remedy)


def _read(path: Path, kind: type[Record]) -> Record:
    expected = f"a cell's record of schema version {SCHEMA_VERSION}"
    return read_record(path, kind, expected, "Move the cell's folder away and run the matrix again.")
