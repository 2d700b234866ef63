"""The same function over many items, in this process, in several, or in threads."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

from harness.errors import HarnessError

Item = TypeVar("Item")
Outcome = TypeVar("Outcome")
Progress = Callable[[int, int], None]
"""Called with (items done, items in all)."""

CHUNK = 8


def map_items(
    function: Callable[[Item], Outcome], items: Sequence[Item], workers: int, progress: Progress | None = None
) -> Iterator[Outcome]:
    """Yield the outcomes in the order of the items, whatever the number of workers.

    Args:
        function: picklable when `workers` is above 0.
        items: inputs.
        workers: processes; 0 works in this one.
        progress: told after every item.

    Raises:
        HarnessError: raised by the function, or a worker process was killed.
    """
    yield from _told(_outcomes(function, items, workers), len(items), progress)


def map_in_threads(
    function: Callable[[Item], Outcome], items: Sequence[Item], threads: int, progress: Progress | None = None
) -> Iterator[Outcome]:
    """As `map_items`, in threads of this process: for work that mostly reads and hashes, which lets others run.

    Threads begin at once, where a process first has to load this program.
    """
    if threads == 0:
        yield from _told(map(function, items), len(items), progress)
        return
    with ThreadPoolExecutor(threads) as pool:
        yield from _told(pool.map(function, items), len(items), progress)


def _told(outcomes: Iterable[Outcome], total: int, progress: Progress | None) -> Iterator[Outcome]:
    for done, outcome in enumerate(outcomes, start=1):
        if progress is not None:
            progress(done, total)
        yield outcome


def _outcomes(function: Callable[[Item], Outcome], items: Sequence[Item], workers: int) -> Iterator[Outcome]:
    if workers == 0:
        yield from map(function, items)
        return
    with process_pool(workers) as pool:
        try:
            yield from pool.map(function, items, chunksize=CHUNK)
        except BrokenProcessPool as error:
            remedy = "It may have run out of memory: use fewer workers."
            raise HarnessError("data workers", "a process that was killed", f"{workers} running", remedy) from error


def process_pool(workers: int) -> ProcessPoolExecutor:
    """Return a pool of fresh processes, which end when this one does, however it ends."""
    context = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(workers, mp_context=context, initializer=_end_with_parent)


def _end_with_parent() -> None:
    threading.Thread(target=_wait_for_parent, daemon=True).start()


def _wait_for_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
