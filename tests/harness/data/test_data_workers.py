from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator

import pytest

from harness.data.workers import map_in_threads, map_items
from harness.errors import HarnessError


def square(number: int) -> int:
    return number * number


def refuse(number: int) -> int:
    if number == 3:
        raise HarnessError("file 3", "nothing", "something", "Try again.")
    return number


def die(number: int) -> int:
    os.kill(os.getpid(), signal.SIGKILL)
    return number


@pytest.mark.parametrize("run", [map_items, map_in_threads])
@pytest.mark.parametrize("workers", [0, 2])
def test_outcomes_keep_the_order_of_the_items(run: Callable[..., Iterator[int]], workers: int) -> None:
    seen: list[tuple[int, int]] = []
    outcomes = list(run(square, range(20), workers, lambda done, total: seen.append((done, total))))
    assert outcomes == [n * n for n in range(20)]
    assert seen == [(n, 20) for n in range(1, 21)]


@pytest.mark.parametrize("run", [map_items, map_in_threads])
@pytest.mark.parametrize("workers", [0, 1])
def test_an_error_arrives_whole(run: Callable[..., Iterator[int]], workers: int) -> None:
    with pytest.raises(HarnessError) as caught:
        list(run(refuse, range(5), workers))
    assert (caught.value.where, caught.value.remedy) == ("file 3", "Try again.")


def test_a_killed_worker_is_told() -> None:
    with pytest.raises(HarnessError, match="a process that was killed"):
        list(map_items(die, range(2), 1))
