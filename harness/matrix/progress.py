"""What a run tells whoever watches it."""

from __future__ import annotations

import sys
import time
from collections import deque
from typing import Protocol

from harness.progress import PROGRESS, CellProgress, ProgressFile
from harness.store import CellFolder
from harness.train.loop import TrainingStep

WINDOW_SECONDS = 60.0
"""Speeds are of about the last minute."""

MOST_MARKS = 2048
"""Of the steps that speeds are reckoned from: where steps are short, that many are enough of them."""


class Progress(Protocol):
    """A display of a run; the command line has one for terminals and one for logs."""

    def cell(self, name: str, number: int, cells: int) -> None:
        """Say that a cell begins."""

    def step(self, step: TrainingStep) -> None:
        """Say that a training step is done."""

    def phase(self, name: str, done: int, total: int) -> None:
        """Say how far a phase after training has come."""

    def note(self, sentence: str) -> None:
        """Say something worth telling."""


class FileProgress:
    """Writes how far a cell has come into its progress.json, for whoever watches from another process.

    To be used as a context, so that the file goes when the cell ends; where it stays, after a kill, a watcher looks at
    the cell's lock and does not believe it.

    Args:
        folder: of the cell, which the caller has locked by the first step.
        forward: another display, told the same; without one, sentences go to standard output, a job's log.
    """

    def __init__(self, folder: CellFolder, forward: Progress | None = None) -> None:
        self._file = ProgressFile(folder.path / PROGRESS)
        self._name = folder.cell.partition("-")[2]
        self._forward = forward
        self._phase = ""
        self._speed = Speed()

    def __enter__(self) -> FileProgress:
        """Leave the file as it is: its cell may be another's until the first step."""
        return self

    def __exit__(self, *error: object) -> None:
        """Remove the file, if it was written here and not by another process that has the cell."""
        if self._phase:
            self._file.remove()

    def cell(self, name: str, number: int, cells: int) -> None:
        """Pass on that the cell begins."""
        if self._forward is not None:
            self._forward.cell(name, number, cells)

    def step(self, step: TrainingStep) -> None:
        """Write a training step."""
        self._write("train", step.step, step.steps, step.scans, step.epoch + 1, sum(step.terms.values()))
        if self._forward is not None:
            self._forward.step(step)

    def phase(self, name: str, done: int, total: int) -> None:
        """Write how far a phase after training has come, one scan at a time."""
        self._write(name, done, total, 1, None, None)
        if self._forward is not None:
            self._forward.phase(name, done, total)

    def note(self, sentence: str) -> None:
        """Pass a sentence on, with the cell's name where those of other cells come as well."""
        if self._forward is not None:
            self._forward.note(f"{self._name}: {sentence}")
        else:
            sys.stdout.write(sentence + "\n")
            sys.stdout.flush()  # a log is read while its job runs

    def _write(self, phase: str, done: int, total: int, scans: int, epoch: int | None, loss: float | None) -> None:
        now = time.monotonic()
        if phase != self._phase:
            self._phase, self._speed = phase, Speed()
        self._speed.add(now, done, scans)
        scans_per_second, done_per_second = self._speed.per_second()
        left = (total - done) / done_per_second if done_per_second else None
        progress = CellProgress(
            phase=phase,
            done=done,
            total=total,
            epoch=epoch,
            scans_per_second=scans_per_second,
            loss=loss,
            seconds_left=0.0 if done >= total else left,
            time=time.time(),
        )
        self._file.write(progress)


class Speed:
    """Scans and steps a second over about the last minute, of a count that may begin anywhere."""

    def __init__(self) -> None:
        self._marks: deque[tuple[float, int, int]] = deque()
        self._scans = 0

    def add(self, now: float, done: int, scans: int) -> None:
        """Count.

        Args:
            now: seconds of a clock that only goes on.
            done: steps up to here, from any beginning.
            scans: in the last step.
        """
        self._scans += scans
        self._marks.append((now, done, self._scans))
        while len(self._marks) > MOST_MARKS or (len(self._marks) > 2 and now - self._marks[1][0] >= WINDOW_SECONDS):
            self._marks.popleft()

    def per_second(self) -> tuple[float | None, float | None]:
        """Return scans and steps a second; None before the second step, which is the first that was timed."""
        (begin, first_done, first_scans), (end, done, scans) = self._marks[0], self._marks[-1]
        if end <= begin:
            return None, None
        return (scans - first_scans) / (end - begin), (done - first_done) / (end - begin)
