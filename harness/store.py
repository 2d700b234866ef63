"""Cells on disk: one folder each, written by the matrix, read by report and export."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, TypeVar

from filelock import FileLock, Timeout
from pydantic import ValidationError

from harness.errors import HarnessError
from harness.files import append_line, write_text
from harness.spec import SCHEMA_VERSION, CellResult, CellSpec

Status = Literal["finished", "failed", "running", "pending"]
LOCK = ".lock"
Record = TypeVar("Record", CellSpec, CellResult)


class CellFolder:
    """The files of one cell: spec.json · location.json · events.jsonl · metrics.jsonl · checkpoint/ · result.json."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.checkpoints = path / "checkpoint"
        self.metrics = path / "metrics.jsonl"

    @property
    def cell(self) -> str:
        """The cell's folder name, ``<hash>-<name>``."""
        return self.path.name

    def spec(self) -> CellSpec:
        """Read spec.json."""
        return _read(self.path / "spec.json", CellSpec)

    def result(self) -> CellResult | None:
        """Read result.json, or return None when there is none yet; a damaged one is a failed result that says so."""
        path = self.path / "result.json"
        if not path.exists():
            return None
        try:
            return _read(path, CellResult)
        except HarnessError as error:
            return CellResult(spec=self.spec(), status="failed", reason=str(error))

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
        line = json.dumps({"time": time.strftime("%Y-%m-%dT%H:%M:%S%z"), "event": name, **facts})
        append_line(self.path / "events.jsonl", line)

    def status(self) -> Status:
        """Finished or failed by its result, running when its lock is held, else pending."""
        if self._locked():
            return "running"
        result = self.result()
        return result.status if result else "pending"

    @contextmanager
    def lock(self, patience_s: float = 2.0) -> Iterator[None]:
        """Hold the cell.

        Args:
            patience_s: longer than `status` holds it for a look, so that looking never takes a cell from a runner.

        Raises:
            filelock.Timeout: another process holds it.
        """
        with FileLock(self.path / LOCK, timeout=patience_s, poll_interval=0.02):
            yield

    def _locked(self) -> bool:
        if not (self.path / LOCK).exists():
            return False
        try:
            with self.lock(patience_s=0):
                return False
        except Timeout:
            return True
        except OSError:  # a store that can only be read: nobody's lock can be told
            return False


class Store:
    """All cells under ``<out>/store``."""

    def __init__(self, out: Path) -> None:
        self.out = out
        self.path = out / "store"

    def add(self, spec: CellSpec, data_root: Path) -> CellFolder:
        """Make the folder of a cell, or find it, and note where its data lies now."""
        folder = CellFolder(self.path / spec.cell)
        write_text(folder.path / "spec.json", spec.model_dump_json(indent=2) + "\n")
        write_text(folder.path / "location.json", json.dumps({"root": str(data_root.resolve())}) + "\n")
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
    try:
        return kind.model_validate_json(path.read_bytes())
    except FileNotFoundError as error:
        raise HarnessError(
            path, "no such file", "a cell's record", "Run `harness ls cells` to see the cells."
        ) from error
    except ValidationError as error:
        first = error.errors()[0]
        found = f"{first['msg']} at {'.'.join(map(str, first['loc'])) or 'the top'}"
        expected = f"a record of schema version {SCHEMA_VERSION}"
        raise HarnessError(path, found, expected, "Move the cell's folder away and run the matrix again.") from error
