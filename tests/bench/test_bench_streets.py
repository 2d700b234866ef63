"""Synthetic scans a second on one core, noise and writing to disk included; the rates stand in `extra_info`.

`scans_per_second` is by the wall clock, `scans_per_cpu_second` by this process's own time, which neighbours on the core
leave alone.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from statistics import median

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from harness.data.street import hdl32e, hdl64e
from harness.data.street.nuscenes_write import synthesize_nuscenes
from harness.data.street.semantickitti_write import synthesize_semantickitti
from harness.data.street.synthesis import SynthesisReport

ROUNDS = 3


@pytest.fixture(autouse=True)
def _one_core() -> Iterator[None]:
    """Pin this process where the system can, so that no library takes a second core."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(before)})
    yield
    os.sched_setaffinity(0, before)


@pytest.mark.parametrize(
    "synthesize, azimuths, scans",
    [
        (synthesize_semantickitti, hdl64e.FULL_AZIMUTHS, 24),
        (synthesize_semantickitti, 512, 48),
        (synthesize_nuscenes, hdl32e.FULL_AZIMUTHS, 48),
    ],
    ids=["HDL-64E, 2083 azimuths", "HDL-64E, 512 azimuths", "HDL-32E, 1084 azimuths"],
)
def test_synthesis(
    benchmark: BenchmarkFixture,
    tmp_path: Path,
    synthesize: Callable[[Path, int, int, int], SynthesisReport],
    azimuths: int,
    scans: int,
) -> None:
    names, cpu_s = count(), list[float]()

    def write() -> SynthesisReport:
        start = time.process_time()
        report = synthesize(tmp_path / str(next(names)), scans, 0, azimuths)
        cpu_s.append(time.process_time() - start)
        return report

    report = benchmark.pedantic(write, rounds=ROUNDS, warmup_rounds=1)  # type: ignore[no-untyped-call]
    assert benchmark.stats is not None
    benchmark.extra_info |= {
        "scans_per_second": round(scans / benchmark.stats.stats.median, 1),
        "scans_per_cpu_second": round(scans / median(cpu_s[1:]), 1),
        "points_per_scan": report.points // scans,
    }
