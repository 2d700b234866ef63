"""Speed of the portable engine on one thread, as a ratio to dense products of the same multiply-accumulates.

The ratio stands in `extra_info`, measured in the same run as the time: it carries over between machines, times do not.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from statistics import median

import pytest
import torch
from pytest_benchmark.fixture import BenchmarkFixture
from scan_voxels import scan_voxels
from torch import Tensor

from backbones.sparse.geometry import Geometry
from backbones.sparse.kernel_map import KernelMap, KernelMapCache
from backbones.sparse.portable import PortableEngine

ROUNDS = 9
DOWN = Geometry((2, 2, 2), (2, 2, 2), "floor")


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module", params=[50_000, 100_000], ids=["50k", "100k"])
def voxels(request: pytest.FixtureRequest) -> Tensor:
    return scan_voxels(request.param)


def seconds(work: Callable[[], object]) -> float:
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def dense_products(pairs: int, channels: int, training: bool) -> Callable[[], None]:
    """One product with the weight forward, two more backward, all into memory that is already there."""
    rows, upstream, out = torch.randn(pairs, channels), torch.randn(pairs, channels), torch.empty(pairs, channels)
    weight, gradient = torch.randn(channels, channels), torch.empty(channels, channels)

    def run() -> None:
        torch.mm(rows, weight, out=out)
        if training:
            torch.mm(upstream, weight.t(), out=out)
            torch.mm(rows.t(), upstream, out=gradient)

    return run


def convolution(kernel_map: KernelMap, channels: int, training: bool) -> Callable[[], None]:
    """Inference, or forward and backward with both gradients."""
    features = torch.randn(kernel_map.in_rows, channels, requires_grad=training)
    weight = torch.randn(len(kernel_map.counts), channels, channels, requires_grad=training)
    upstream, engine = torch.randn(kernel_map.out_rows, channels), PortableEngine()

    def run() -> None:
        output = engine.convolve(features, weight, kernel_map, "forward")
        if training:
            torch.autograd.grad(output, (features, weight), upstream)

    return run


def compare(benchmark: BenchmarkFixture, kernel_map: KernelMap, channels: int, training: bool) -> None:
    """Time the convolution and, before each of its rounds, the dense products; record the ratio of the medians."""
    dense, times = dense_products(kernel_map.pairs, channels, training), []
    dense()
    work = convolution(kernel_map, channels, training)
    benchmark.pedantic(work, setup=lambda: times.append(seconds(dense)), rounds=ROUNDS, warmup_rounds=1)  # type: ignore[no-untyped-call]
    assert benchmark.stats is not None
    ratio = benchmark.stats.stats.median / median(times)
    benchmark.extra_info |= {"ratio_to_dense_gemm": round(ratio, 2), "pairs": kernel_map.pairs, "channels": channels}


@pytest.mark.parametrize("channels", [16, 32, 64, 128])
@pytest.mark.parametrize("training", [True, False], ids=["training", "inference"])
def test_submanifold_3x3x3(benchmark: BenchmarkFixture, voxels: Tensor, channels: int, training: bool) -> None:
    compare(benchmark, KernelMapCache().submanifold(voxels, (3, 3, 3)), channels, training)


@pytest.mark.parametrize("channels", [32, 64])
def test_strided_2x2x2(benchmark: BenchmarkFixture, voxels: Tensor, channels: int) -> None:
    compare(benchmark, KernelMapCache().strided(voxels, DOWN), channels, training=True)


@pytest.mark.parametrize("channels", [64, 256])
def test_submanifold_at_stride_16(benchmark: BenchmarkFixture, voxels: Tensor, channels: int) -> None:
    maps = KernelMapCache()
    for _ in range(4):
        voxels = maps.strided(voxels, DOWN).out_coordinates
    compare(benchmark, maps.submanifold(voxels, (3, 3, 3)), channels, training=True)


@pytest.mark.parametrize("strided", [False, True], ids=["submanifold", "strided"])
def test_building_a_map(benchmark: BenchmarkFixture, voxels: Tensor, strided: bool) -> None:
    def build() -> KernelMap:
        maps = KernelMapCache()
        return maps.strided(voxels, DOWN) if strided else maps.submanifold(voxels, (3, 3, 3))

    benchmark.extra_info |= {"pairs": build().pairs, "voxels": len(voxels)}
    benchmark.pedantic(build, rounds=ROUNDS)  # type: ignore[no-untyped-call]
