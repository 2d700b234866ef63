"""The same function over many items in copies of this process, which begin at once and share its memory."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import TypeVar

from harness.errors import HarnessError

Item = TypeVar("Item")
Outcome = TypeVar("Outcome")

SECONDS_BETWEEN_LOOKS = 0.5
STOPS = (signal.SIGINT, signal.SIGTERM)


def map_forked(function: Callable[[Item], Outcome], items: Sequence[Item], workers: int) -> Iterator[Outcome]:
    """Yield the outcomes in the order of the items, whatever the number of workers.

    For short work: a fresh process would load this program for longer than it then counts. Where processes can't be
    forked they are made afresh all the same.

    Args:
        function: picklable; must not need a lock that another thread of this process may hold.
        items: picklable inputs.
        workers: processes; 1 works in this one.

    Raises:
        HarnessError: raised by the function, or a worker process was killed.
    """
    if workers == 1 or len(items) < 2:
        yield from map(function, items)
        return
    method = "fork" if "fork" in multiprocessing.get_all_start_methods() else "spawn"
    context, parent = multiprocessing.get_context(method), os.getpid()
    pool = ProcessPoolExecutor(min(workers, len(items)), mp_context=context, initializer=_serve, initargs=(parent,))
    try:
        with _signals_held():
            outcomes = pool.map(function, items)
        yield from outcomes
    except BrokenProcessPool as error:
        found, remedy = "a process that was killed", "It may have run out of memory: use fewer."
        raise HarnessError("worker processes", found, f"{workers} running", remedy) from error
    finally:
        pool.shutdown(cancel_futures=True)


@contextmanager
def _signals_held() -> Iterator[None]:
    """Let Ctrl-C wait while the pool begins: one that is half made is waited for at the end, and never ends."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, STOPS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _serve(parent: int) -> None:
    """Leave Ctrl-C to the parent, which ends its workers, and end when it has gone without doing so."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPS)
    threading.Thread(target=_watch, args=(parent,), daemon=True).start()


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(SECONDS_BETWEEN_LOOKS)
    os._exit(1)
