"""Speed of the portable engine on one thread, as a ratio to dense products of the same multiply-accumulates.

The ratio stands in `extra_info`, measured in the same run as the time: it carries over between machines, times do not.
"""

from __future__ import annotations

import pytest
import torch
from convolution_work import convolution, portable
from library_work import minkowski_map, spconv_map
from pytest_benchmark.fixture import BenchmarkFixture
from torch import Tensor
from turns import ROUNDS, Work, compare

from backbones.sparse.blocks import Blocks, regroup
from backbones.sparse.geometry import Geometry
from backbones.sparse.kernel_map import KernelMap, KernelMapCache

pytestmark = pytest.mark.usefixtures("one_thread")
DOWN = Geometry((2, 2, 2), (2, 2, 2), "floor")


def dense_products(pairs: int, channels: int, training: bool) -> Work:
    """One product with the weight forward, two more backward, all into memory that is already there."""
    rows, upstream, out = torch.randn(pairs, channels), torch.randn(pairs, channels), torch.empty(pairs, channels)
    weight, gradient = torch.randn(channels, channels), torch.empty(channels, channels)

    def run() -> None:
        torch.mm(rows, weight, out=out)
        if training:
            torch.mm(upstream, weight.t(), out=out)
            torch.mm(rows.t(), upstream, out=gradient)

    return run


def against_dense(
    benchmark: BenchmarkFixture, kernel_map: KernelMap, channels: int, way: str, training: bool = True
) -> None:
    work = convolution(portable(way), kernel_map, channels, training)
    benchmark.extra_info |= {"pairs": kernel_map.pairs, "channels": channels}
    compare(benchmark, work, {"dense_gemm": dense_products(kernel_map.pairs, channels, training)})


@pytest.mark.parametrize("way", ["plain", "native"])
@pytest.mark.parametrize("channels", [16, 32, 64, 128])
@pytest.mark.parametrize("training", [True, False], ids=["training", "inference"])
def test_submanifold_3x3x3(
    benchmark: BenchmarkFixture, street_voxels: Tensor, way: str, channels: int, training: bool
) -> None:
    against_dense(benchmark, KernelMapCache().submanifold(street_voxels, (3, 3, 3)), channels, way, training)


@pytest.mark.parametrize("way", ["plain", "native"])
@pytest.mark.parametrize("channels", [32, 64])
def test_strided_2x2x2(benchmark: BenchmarkFixture, street_voxels: Tensor, way: str, channels: int) -> None:
    against_dense(benchmark, KernelMapCache().strided(street_voxels, DOWN), channels, way)


@pytest.mark.parametrize("way", ["plain", "native"])
@pytest.mark.parametrize("channels", [64, 256])
def test_submanifold_at_stride_16(benchmark: BenchmarkFixture, street_voxels: Tensor, way: str, channels: int) -> None:
    maps, voxels = KernelMapCache(), street_voxels
    for _ in range(4):
        voxels = maps.strided(voxels, DOWN).out_coordinates
    against_dense(benchmark, maps.submanifold(voxels, (3, 3, 3)), channels, way)


def build_map(voxels: Tensor, strided: bool) -> KernelMap:
    maps = KernelMapCache()
    return maps.strided(voxels, DOWN) if strided else maps.submanifold(voxels, (3, 3, 3))


@pytest.mark.parametrize("strided", [False, True], ids=["submanifold", "strided"])
def test_building_a_map(benchmark: BenchmarkFixture, street_voxels: Tensor, strided: bool) -> None:
    benchmark.extra_info |= {"pairs": build_map(street_voxels, strided).pairs, "voxels": len(street_voxels)}
    benchmark.pedantic(lambda: build_map(street_voxels, strided), rounds=ROUNDS)  # type: ignore[no-untyped-call]


@pytest.mark.parametrize("strided", [False, True], ids=["submanifold", "strided"])
@pytest.mark.parametrize("library", ["spconv", "minkowski"])
def test_building_a_map_beside_a_library(
    benchmark: BenchmarkFixture, street_voxels: Tensor, library: str, strided: bool
) -> None:
    """From the same voxels to the same pairs."""
    rival = {"spconv": spconv_map, "minkowski": minkowski_map}[library](street_voxels, strided)
    compare(benchmark, lambda: build_map(street_voxels, strided), {library: rival}, rounds=5)


def test_regrouping_a_map(benchmark: BenchmarkFixture, street_voxels: Tensor) -> None:
    kernel_map = KernelMapCache().submanifold(street_voxels, (3, 3, 3))

    def build() -> Blocks:
        return regroup(kernel_map.inputs, kernel_map.outputs, kernel_map.counts, kernel_map.out_rows, identity=13)

    benchmark.pedantic(build, rounds=ROUNDS)  # type: ignore[no-untyped-call]
