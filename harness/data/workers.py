"""The same function over many items, in this process or in several."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
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
    for done, outcome in enumerate(_outcomes(function, items, workers), start=1):
        if progress is not None:
            progress(done, len(items))
        yield outcome


def _outcomes(function: Callable[[Item], Outcome], items: Sequence[Item], workers: int) -> Iterator[Outcome]:
    if workers == 0:
        yield from map(function, items)
        return
    with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as pool:
        try:
            yield from pool.map(function, items, chunksize=CHUNK)
        except BrokenProcessPool as error:
            remedy = "It may have run out of memory: use fewer workers."
            raise HarnessError("data workers", "a process that was killed", f"{workers} running", remedy) from error
