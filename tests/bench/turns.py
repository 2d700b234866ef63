"""Work and its rivals timed in turns, so that a neighbour on the core slows all of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from statistics import median

from pytest_benchmark.fixture import BenchmarkFixture

ROUNDS = 9
Work = Callable[[], object]


def compare(benchmark: BenchmarkFixture, work: Work, rivals: Mapping[str, Work], rounds: int = ROUNDS) -> None:
    """Time the work and, before each of its rounds, every rival; record the ratios of the medians.

    `extra_info` has ``ratio_to_NAME``, below 1 where the work is faster, and ``NAME_ms``.

    Args:
        benchmark: of pytest-benchmark; its own figures are those of the work.
        work: what is timed.
        rivals: what it is compared with, by name.
        rounds: of each; one more of each comes first and does not count.
    """
    times: dict[str, list[float]] = {name: [] for name in rivals}

    def time_rivals() -> None:
        for name, rival in rivals.items():
            begin = time.perf_counter()
            rival()
            times[name].append(time.perf_counter() - begin)

    benchmark.pedantic(work, setup=time_rivals, rounds=rounds, warmup_rounds=1)  # type: ignore[no-untyped-call]
    assert benchmark.stats is not None
    own_ms = 1e3 * benchmark.stats.stats.median
    for name, taken in times.items():
        rival_ms = 1e3 * median(taken[-rounds:])
        benchmark.extra_info |= {f"ratio_to_{name}": round(own_ms / rival_ms, 2), f"{name}_ms": round(rival_ms, 1)}
