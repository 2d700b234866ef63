"""A cell in several processes, one per GPU: starts them through torchrun, and outlives them all."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO

from harness.errors import HarnessError
from harness.matrix.executors.lanes import THREADS, threads_of_process
from harness.matrix.order import CellOrder
from harness.matrix.out_of_memory import OutOfMemory
from harness.matrix.progress import Progress
from harness.matrix.rank_watch import PATIENCE_S, RankWatch
from harness.spec import CellResult
from harness.train.sitting import Stopped

DEAF_TO = {signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2}
"""What a scheduler sends to every process of a job: the one that watches hears it, and tells the others to leave."""

PREFIX, LINK = "harness-", "link"
LONGEST_FOLDER = 80
"""Bytes in the path of a folder that leave room for a folder in it and a socket's name; macOS takes 103 in all."""

SHORT_FOLDER = Path("/tmp")
"""POSIX has it everywhere."""


class ProcessOutOfMemory(MemoryError):
    """A process had too little memory; `lack` says where."""

    def __init__(self, lack: OutOfMemory) -> None:
        super().__init__(lack.told)
        self.lack = lack


def run_in_processes(
    order: CellOrder, micro_batch: int | None, progress: Progress, stop: Callable[[], bool]
) -> CellResult:
    """Run a cell in ``order.resources.processes`` processes on this machine; none of them is left when this returns.

    Each is connected to this process by a socket, over which it takes its order, the first one tells how far it has
    come, and whoever fails tells why. A process that finds the socket closed ends, so that this one may be killed.

    Args:
        order: the cell; its folder is locked by the caller.
        micro_batch: most scans in one forward pass.
        progress: told of every step.
        stop: asked all the time whether to save a checkpoint and leave.

    Raises:
        HarnessError: a fault of the data or the training, or a process was killed.
        ProcessOutOfMemory: one of them had too little memory.
        Stopped: `stop` said so; there is a checkpoint.
    """
    with ExitStack() as held:
        folder = Path(held.enter_context(_meeting_place()))
        server = held.enter_context(socket.socket(socket.AF_UNIX))
        server.bind(str(folder / LINK))
        server.listen()
        log = held.enter_context((folder / "log").open("w+b"))
        launcher = held.enter_context(_launched(folder / LINK, order.resources.processes, log))
        watch = RankWatch(order, micro_batch, progress, stop, server, launcher)
        held.callback(watch.hang_up)
        watch.until_the_end()
        if watch.result is None:
            raise _fate(watch, log)
        return watch.result


@contextmanager
def _meeting_place() -> Iterator[str]:
    """Yield a new folder of this user alone, whose path is short enough for a socket in it.

    Raises:
        HarnessError: there is no room for it.
    """
    usual = tempfile.gettempdir()
    length = len(os.fsencode(usual))
    parent = usual if length <= LONGEST_FOLDER else SHORT_FOLDER
    try:
        folder = tempfile.TemporaryDirectory(prefix=PREFIX, dir=parent)
    except OSError as error:
        found = f"a path of {length} bytes, and '{error.strerror}' for a folder in {parent}"
        expected = f"room for a socket, in a path of at most {LONGEST_FOLDER} bytes"
        raise HarnessError("TMPDIR", found, expected, "Set TMPDIR to such a folder.") from error
    with folder as name:
        yield name


@contextmanager
def _launched(address: Path, processes: int, log: IO[bytes]) -> Iterator[subprocess.Popen[bytes]]:
    """Start torchrun, in a session of its own: a Ctrl-C is this process's to handle.

    A signal that is blocked here stays blocked in what is started here, from its first moment on.
    """
    threads = threads_of_process(1, processes)
    paths = os.pathsep.join(path for path in sys.path if path)  # methods of the user's own are found there too
    before = signal.pthread_sigmask(signal.SIG_BLOCK, DEAF_TO)
    try:
        launcher = subprocess.Popen(
            [sys.executable, "-m", "harness.matrix.launch", str(address), str(processes)],
            env=os.environ | ({} if threads is None else {THREADS: str(threads)}) | {"PYTHONPATH": paths},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    try:
        yield launcher
    finally:
        try:
            launcher.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            launcher.kill()
            launcher.wait()


def _fate(watch: RankWatch, log: IO[bytes]) -> BaseException:
    """Return the error that tells best why there is no result: first what a process has told by itself."""
    if watch.stopped:
        return Stopped("by order")
    if watch.lack is not None:
        return ProcessOutOfMemory(watch.lack)
    if named := [fault for fault in watch.faults if isinstance(fault, HarnessError)]:
        return named[0]
    # A scheduler that takes the machine may kill the processes before they have all heard of it.
    if watch.stop():
        return Stopped("by order, and its processes were ended")
    if killed := {rank: -code for rank, code in watch.exit_codes.items() if code < 0}:
        rank, number = min(killed.items())
        return _killed(f"process {rank + 1} of {watch.order.resources.processes}", number)
    if (code := watch.launcher.poll()) is not None and code < 0:
        return _killed("torchrun", -code)
    # An error that the others met because the first one ended comes after it.
    return watch.faults[0] if watch.faults else RuntimeError(f"the processes ended: {_last_words(log)}")


def _killed(who: str, number: int) -> HarnessError:
    found = f"killed by signal {number} ({signal.Signals(number).name})"
    remedy = "Whoever killed it may have wanted its memory; run again to go on from the last checkpoint."
    return HarnessError(who, found, "processes left alone", remedy)


def _last_words(log: IO[bytes]) -> str:
    log.seek(0)
    lines = log.read().decode(errors="replace").strip().splitlines()
    return lines[-1] if lines else "without a word"
