"""What a run tells whoever watches it."""

from __future__ import annotations

from typing import Protocol

from harness.train.loop import TrainingStep


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
