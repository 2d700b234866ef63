"""Starts the fresh processes of a measurement, one after another, and outlives them all."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Protocol

from harness.errors import HarnessError
from harness.files import write_text
from harness.measure.latency.order import ProcessOrder, ProcessReport

WORKER = "harness.measure.latency.worker"
"""The program that carries out an order, as a module."""

PATIENCE_S = 5.0
"""That a process gets to end by itself once it hears no more."""

TAIL_LINES, TAIL_BYTES = 12, 1 << 16
"""Of a dead process's log, shown to the user."""


class Watcher(Protocol):
    """Whoever is told how far a measurement is; a run's display is one."""

    def phase(self, name: str, done: int, total: int) -> None:
        """Say how far a phase has come."""

    def note(self, sentence: str) -> None:
        """Say something worth telling."""


def run_processes(orders: Sequence[ProcessOrder], watcher: Watcher, worker: str = WORKER) -> list[ProcessReport]:
    """Carry out orders, each in a fresh process of its own, and return their reports.

    None of the processes is left when this returns or raises, and they end by themselves when this one is killed.

    Args:
        orders: alike in all but their numbers.
        watcher: told how far each is.
        worker: the program, a module.

    Raises:
        HarnessError: a process says what a user must mend, or dies: by a signal, a lack of memory, an error of its own.
    """
    return [_run(order, f"process {order.number} of {len(orders)}", watcher, worker) for order in orders]


def _run(order: ProcessOrder, title: str, watcher: Watcher, program: str) -> ProcessReport:
    networks = f"{len(order.networks)} networks" if len(order.networks) > 1 else next(iter(order.networks))
    with tempfile.TemporaryDirectory(prefix="harness-latency-") as name:
        folder = Path(name)
        write_text(folder / "order.json", order.model_dump_json(), durable=False)
        with (folder / "log").open("w+b") as log, _started(program, folder, log) as worker:
            fault = _hear(worker, f"time {networks}, {title}", watcher)
            code = worker.wait()
            if fault is not None:
                raise fault
            if code != 0:
                raise _death(f"{title}, which timed {networks}", code, _tail(log))
        return ProcessReport.model_validate_json((folder / "result.json").read_bytes())


@contextmanager
def _started(program: str, folder: Path, log: IO[bytes]) -> Iterator[subprocess.Popen[bytes]]:
    """Start a worker, in a session of its own: a Ctrl-C is this process's to handle."""
    order, result = folder / "order.json", folder / "result.json"
    paths = os.pathsep.join(path for path in sys.path if path)
    worker = subprocess.Popen(
        [sys.executable, "-m", program, str(order), str(result)],
        env=os.environ | {"PYTHONPATH": paths},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=log,
        start_new_session=True,
    )
    try:
        with worker:
            try:
                yield worker
            finally:
                _end(worker)
    finally:
        worker.wait()


def _end(worker: subprocess.Popen[bytes]) -> None:
    """Let a worker find that nobody listens, which ends it; one that hangs is killed."""
    if worker.stdin is not None:
        worker.stdin.close()
    try:
        worker.wait(PATIENCE_S)
    except subprocess.TimeoutExpired:
        worker.kill()


def _hear(worker: subprocess.Popen[bytes], phase: str, watcher: Watcher) -> HarnessError | None:
    """Pass on what a worker says until it says no more; return what a user must mend, if that is what it says."""
    fault = None
    for line in worker.stdout or ():
        message = json.loads(line)
        if "fault" in message:
            fault = HarnessError(*message["fault"])
        else:
            watcher.phase(phase, message["done"], message["total"])
    return fault


def _death(who: str, code: int, tail: str) -> HarnessError:
    if code < 0:
        found = f"killed by signal {-code} ({signal.Signals(-code).name})"
        advice = "Whoever killed it may have wanted its memory: time fewer scans or networks at once, and run again."
    else:
        found = f"ended with exit code {code}: {tail.rpartition(chr(10))[2] or 'without a word'}"
        advice = "Where memory was short, time fewer scans or networks at once."
    told = f"\nThe end of its log:\n{tail}" if tail else ""
    return HarnessError(who, found, "a process that runs to its end", advice + told)


def _tail(log: IO[bytes]) -> str:
    log.seek(max(0, log.seek(0, os.SEEK_END) - TAIL_BYTES))
    return "\n".join(log.read().decode(errors="replace").strip().splitlines()[-TAIL_LINES:])
