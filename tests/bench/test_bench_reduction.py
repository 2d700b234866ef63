"""Speed of the segment reductions, as a ratio of torch-scatter to plain torch on one thread.

The ratio stands in `extra_info`, both measured in the same run; above 1 plain torch is faster. `FASTEST` of
`backbones.reduction` is what these say.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from statistics import median

import pytest
import torch
from pytest_benchmark.fixture import BenchmarkFixture

from backbones.reduction import Library, choose_library, segment_max, segment_mean
from backbones.scatter import installed

ROUNDS = 9


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize("rows, channels, segments", [(120_000, 64, 30_000), (120_000, 256, 40_000)])
@pytest.mark.parametrize("training", [True, False], ids=["training", "inference"])
@pytest.mark.parametrize("reduction", ["max", "mean"])
def test_reduction(
    benchmark: BenchmarkFixture, reduction: str, training: bool, rows: int, channels: int, segments: int
) -> None:
    """Points of a scan into voxels; 256 channels as in Cylinder3D's point network."""
    draw = torch.Generator().manual_seed(0)
    more = (torch.rand(rows - segments, generator=draw) ** 2 * segments).long()
    segment = torch.cat([torch.arange(segments), more])[torch.randperm(rows, generator=draw)]
    values = torch.randn(rows, channels, generator=draw).requires_grad_(training)
    upstream = torch.randn(segments, channels, generator=draw)
    reduce = segment_max if reduction == "max" else segment_mean

    def work(library: Library) -> Callable[[], None]:
        def run() -> None:
            out = reduce(values, segment, segments, library)
            if training:
                torch.autograd.grad(out, values, upstream)

        return run

    times: list[float] = []
    setup = (lambda: times.append(seconds(work("torch_scatter")))) if installed() else None
    benchmark.pedantic(work("torch"), setup=setup, rounds=ROUNDS, warmup_rounds=1)  # type: ignore[no-untyped-call]
    assert benchmark.stats is not None
    benchmark.extra_info |= {"chosen": choose_library("cpu", "max" if reduction == "max" else "mean")}
    if times:
        ratio = median(times) / benchmark.stats.stats.median
        benchmark.extra_info |= {"ratio_torch_scatter_to_torch": round(ratio, 2)}


def seconds(work: Callable[[], object]) -> float:
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin
