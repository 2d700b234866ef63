"""How a run is shown: a live line in a terminal, plain lines in a log."""

from __future__ import annotations

import time
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bars

from harness.train.loop import TrainingStep

LOG_SECONDS = 10.0
"""Shortest time between two plain lines about training."""


class RunProgress:
    """A display of a run, to be used as a context.

    Args:
        console: where to print; bars are drawn when it is a terminal.
    """

    def __init__(self, console: Console) -> None:
        self.console = console
        columns = [TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()]
        self._bars = Bars(*columns, console=console, transient=True, disable=not console.is_terminal)
        self._task: Any = None
        self._name = self._phase = ""
        self._started = self._logged = time.monotonic()
        self._scans = self._first = 0

    def __enter__(self) -> RunProgress:
        """Start drawing."""
        self._bars.start()
        return self

    def __exit__(self, *error: object) -> None:
        """Stop drawing."""
        self._bars.stop()

    def cell(self, name: str, number: int, cells: int) -> None:
        """Begin a cell."""
        self._name = name
        self._begin("train")
        self.console.print(f"[{number}/{cells}] {name}", markup=False, highlight=False)

    def step(self, step: TrainingStep) -> None:
        """Show a training step: epoch, scans a second, the losses."""
        self._scans += step.scans
        speed = self._scans / max(time.monotonic() - self._started, 1e-9)
        losses = " ".join(f"{name} {value:.3f}" for name, value in step.terms.items())
        text = f"{self._name}  epoch {step.epoch + 1}  {speed:.2g} scans/s  {losses}"
        self._show(text, step.step, step.steps)

    def phase(self, name: str, done: int, total: int) -> None:
        """Show how far a phase has come."""
        if self._phase != name:
            self._begin(name)
        self._show(f"{self._name}  {name}", done, total)

    def note(self, sentence: str) -> None:
        """Print a sentence that stays."""
        self.console.print(f"    {sentence}", markup=False, highlight=False)

    def _begin(self, phase: str) -> None:
        self._phase, self._started = phase, time.monotonic()
        self._scans = self._first = 0  # a resumed cell begins in the middle
        self._logged = self._started

    def _show(self, text: str, done: int, total: int) -> None:
        now = time.monotonic()
        self._first = self._first or done
        if self._bars.disable:
            if now - self._logged >= LOG_SECONDS or (done == total and self._phase == "train"):
                left = (now - self._started) / (done - self._first + 1) * (total - done)
                self._logged = now
                self.console.print(f"    {text}  {done}/{total}  {left:.0f} s left", markup=False, highlight=False)
            return
        if self._task is None:
            self._task = self._bars.add_task("", total=total)
        self._bars.update(self._task, description=text, completed=done, total=total, visible=done < total)
