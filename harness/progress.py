"""progress.json: how far a running cell has come, for whoever watches it from outside."""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path

from pydantic import Field, ValidationError

from harness.errors import HarnessError
from harness.files import write_text
from harness.spec import Strict

PROGRESS = "progress.json"
"""In a cell's folder."""

SECONDS_BETWEEN = 1.0
"""Shortest time between two writings: a step of a tiny network is shorter than the writing."""


class CellProgress(Strict):
    """What a running cell last said of itself."""

    phase: str = Field(description="train, evaluate, ...")
    done: int = Field(description="steps of the training, scans of another phase")
    total: int
    epoch: int | None = Field(default=None, description="counted from 1; None outside the training")
    scans_per_second: float | None = None
    loss: float | None = Field(default=None, description="sum of all terms of the last step")
    seconds_left: float | None = Field(default=None, description="of this phase")
    time: float = Field(description="seconds since 1970 when it was written")


class ProgressFile:
    """The progress.json of one cell.

    Args:
        path: of the file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._written = -SECONDS_BETWEEN

    def write(self, progress: CellProgress) -> None:
        """Replace the file, unless it was written just before; a disk that takes no writing stops no training."""
        now = time.monotonic()
        if now - self._written < SECONDS_BETWEEN and progress.done < progress.total:
            return
        self._written = now
        try:
            write_text(self.path, progress.model_dump_json() + "\n", durable=False)
        except HarnessError:
            return

    def remove(self) -> None:
        """Take the file away: its cell no longer runs."""
        with suppress(OSError):
            self.path.unlink(missing_ok=True)

    def read(self) -> CellProgress | None:
        """Return what was last written, None when there is nothing that can be read."""
        try:
            return CellProgress.model_validate_json(self.path.read_bytes())
        except (OSError, ValidationError):
            return None
