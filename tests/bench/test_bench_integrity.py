"""Full scans checked per minute, by the files of a copy in the page cache; scans_per_minute stands in `extra_info`.

The floor is what no check with a manifest can do without: to read every file and hash it, in a plain loop.
"""

from __future__ import annotations

import hashlib
import time

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from harness.data.integrity import check
from harness.data.labels import SEMANTICKITTI
from harness.data.semantickitti import SemanticKitti
from harness.heap import keep_freed_memory

SCANS, POINTS, KINDS = 200, 124_000, 10
"""Points as in SemanticKITTI's training scans on average; the scans are links to a few different ones."""


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> SemanticKitti:
    """A partial copy of SemanticKITTI; runs of equal labels as in real files."""
    keep_freed_memory()  # as the command line does
    draw, root = np.random.default_rng(0), tmp_path_factory.mktemp("copy")
    sequence = root / "sequences/00"
    for folder in ("velodyne", "labels"):
        (sequence / folder).mkdir(parents=True)
        (root / folder).mkdir()
    raw = np.array(sorted(SEMANTICKITTI.raw_to_train), dtype=np.uint32)
    for kind in range(KINDS):
        points = np.hstack([draw.normal(0, 12, (POINTS, 3)), draw.random((POINTS, 1))])
        points.astype("<f4").tofile(root / f"velodyne/{kind}.bin")
        words = draw.choice(raw, POINTS // 20) | draw.integers(0, 40, POINTS // 20, dtype=np.uint32) << 16
        np.repeat(words, 20).astype("<u4").tofile(root / f"labels/{kind}.label")
    for frame in range(SCANS):
        (sequence / f"velodyne/{frame:06d}.bin").symlink_to(root / f"velodyne/{frame % KINDS}.bin")
        (sequence / f"labels/{frame:06d}.label").symlink_to(root / f"labels/{frame % KINDS}.label")
    return SemanticKitti(root, partial=True)


def ours(copy: SemanticKitti, workers: int) -> None:
    report = check(copy, workers, splits=("train",))
    assert report.ok
    assert report.files == 2 * SCANS


def floor(copy: SemanticKitti) -> None:
    for folder in ("velodyne", "labels"):
        for path in sorted((copy.root / "sequences/00" / folder).iterdir()):
            hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.benchmark(group=f"check {SCANS} scans of {POINTS // 1000} k points")
@pytest.mark.parametrize("name", ["ours, this thread", "ours, 2 threads", "floor: read and hash"])
def test_bench_check(benchmark: BenchmarkFixture, copy: SemanticKitti, name: str) -> None:
    run = {
        "ours, this thread": lambda: ours(copy, 0),
        "ours, 2 threads": lambda: ours(copy, 2),
        "floor: read and hash": lambda: floor(copy),
    }[name]
    benchmark.pedantic(run, rounds=5, warmup_rounds=1)  # type: ignore[no-untyped-call]
    assert benchmark.stats is not None
    benchmark.extra_info["scans_per_minute"] = round(60 * SCANS / benchmark.stats.stats.median)


@pytest.mark.benchmark(group=f"check {SCANS} scans of {POINTS // 1000} k points")
def test_bench_ratio_to_the_floor(benchmark: BenchmarkFixture, copy: SemanticKitti) -> None:
    """Both in turn on one thread, so that a neighbour on the core slows both."""
    seconds: dict[str, list[float]] = {"ours": [], "floor": []}

    def both() -> None:
        for name, run in (("ours", lambda: ours(copy, 0)), ("floor", lambda: floor(copy))):
            start = time.perf_counter()
            run()
            seconds[name].append(time.perf_counter() - start)

    benchmark.pedantic(both, rounds=5, warmup_rounds=1)  # type: ignore[no-untyped-call]
    benchmark.extra_info["times_the_time_to_read_and_hash"] = round(min(seconds["ours"]) / min(seconds["floor"]), 2)
