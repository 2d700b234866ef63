"""Runs of the command line that are ended by SIGKILL at a chosen moment, each in a child of this process.

This process imports the harness once and starts nothing of it; a child has it all from its first moment. What is killed
is a process of its own, by the real signal: nothing in it gets to run any more.
"""

from __future__ import annotations

import os
import re
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import FrameType
from typing import Any

STAGES = ("write", "flush", "fsync", "rename")
"""Moments in the writing of a file: before its first byte, before and after its bytes have gone, before its rename."""

LONGEST_S = 600.0
"""A run that takes longer than that hangs."""

HEAVY = (
    "harness.cli.run", "harness.cli.finish", "harness.matrix.run", "harness.train.loop", "harness.report.curves",
    "harness.report.birdseye", "harness.export.semantickitti", "harness.data.street.semantickitti_write",
    "matplotlib.backends.backend_agg", "matplotlib.figure", "pandas",
)  # fmt: skip
"""What a run imports on its way."""


@dataclass(frozen=True)
class Moment:
    """When to kill a run.

    Attributes:
        steps: training steps of this sitting to wait for.
        file: pattern of the file whose next writing after that is meant; empty: any time.
        stage: of that writing.
        patience: further steps to wait for it; then any time will do.
        delay_s: to wait after the steps, where any time is meant.
    """

    steps: int
    file: str = ""
    stage: str = "rename"
    patience: int = 0
    delay_s: float = 0.0


@dataclass(frozen=True)
class Sitting:
    """How a run ended: `code` is its exit status, None when it was killed; `hit` is where."""

    code: int | None
    hit: str
    seconds: float


def import_all() -> None:
    """Import what a run imports, so that no child has to."""
    for module in HEAVY:
        import_module(module)


def sit(arguments: Sequence[str], log: Path, moment: Moment | None) -> Sitting:
    """Run the command line until it ends, or until its moment has come."""
    started = time.monotonic()
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _become_the_command(arguments, log, moment, writing)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        hit = pipe.readline().strip()  # empty: it ended before its moment
    if hit and moment is not None:
        time.sleep(moment.delay_s)
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    killed = os.WIFSIGNALED(status)
    code = None if killed else os.waitstatus_to_exitcode(status)
    return Sitting(code, hit if killed else "", time.monotonic() - started)


def _become_the_command(arguments: Sequence[str], log: Path, moment: Moment | None, pipe: int) -> None:
    """Be the process that a shell would have started; never returns."""
    code = 70
    try:
        signal.alarm(int(LONGEST_S))
        with log.open("a") as file:
            os.dup2(file.fileno(), 1)
            os.dup2(file.fileno(), 2)
        if moment is not None:
            sys.addaudithook(_Watch(moment, pipe))
        sys.argv = ["harness", *arguments]
        import_module("harness.cli").main()
        code = 0
    except SystemExit as stop:
        code = stop.code if isinstance(stop.code, int) else int(stop.code is not None)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


class _Watch:
    """Sees what files the process opens and renames, and waits for SIGKILL when its moment has come.

    It holds the process still in that moment: on a busy machine, whoever watches from outside would come too late.
    """

    def __init__(self, moment: Moment, pipe: int) -> None:
        self.moment, self.pipe = moment, pipe
        self.steps, self.path = 0, ""
        self.over = False
        if not moment.file and moment.steps == 0:
            self._tell("some time after the start")

    def __call__(self, event: str, facts: tuple[Any, ...]) -> None:
        if self.over or event not in ("open", "os.rename"):
            return
        if event == "os.rename":
            if os.fsdecode(facts[0]) == self.path and self.moment.stage == "rename":
                self._stay("rename")
            return
        path, mode = facts[:2]
        if isinstance(path, int) or not isinstance(mode, str) or not set(mode) & set("wax"):
            return
        name = os.fsdecode(path)
        if name.endswith("/metrics.jsonl"):
            self.steps += 1
        if self.steps < self.moment.steps:
            return
        if self.moment.file and re.search(self.moment.file, name):
            self.path = name
            if self.moment.stage != "rename":
                sys.setprofile(self._profile)
        elif not self.moment.file or self.steps > self.moment.steps + self.moment.patience:
            self._tell(f"some time after {_short(name)}")

    def _profile(self, frame: FrameType, event: str, function: Any) -> None:
        if event == "c_call" and getattr(function, "__name__", "") == self.moment.stage and not self.over:
            self._stay(self.moment.stage)

    def _tell(self, where: str) -> None:
        self.over = True
        os.write(self.pipe, f"{where}\n".encode())

    def _stay(self, stage: str) -> None:
        self._tell(f"{stage} of {_short(self.path)}")
        time.sleep(LONGEST_S)


def _short(path: str) -> str:
    """The last two names of a path, without the number of the process and the hash of a cell."""
    name = re.sub(r"^\.(.*)\.\d+\.tmp$", r"\1", Path(path).name)
    return f"{Path(path).parent.name}/{name}"
