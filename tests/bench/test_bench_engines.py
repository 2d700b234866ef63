"""Speed of the engines on one thread, as ratios to rivals that are timed in turns in the same process.

All find their kernel maps built. The ratios stand in `extra_info`: they carry over between machines, times do not.
"""

from __future__ import annotations

import pytest
import torch
from convolution_work import convolution, portable
from library_work import minkowski_training, spconv_training
from pytest_benchmark.fixture import BenchmarkFixture
from scan_voxels import scan_voxels
from torch import Tensor
from turns import compare

from backbones.sparse.engine import Direction, EngineError, engine_names, get_engine
from backbones.sparse.geometry import Geometry
from backbones.sparse.kernel_map import KernelMap, KernelMapCache

pytestmark = pytest.mark.usefixtures("one_thread")
DOWN = Geometry((2, 2, 2), (2, 2, 2), "floor")
CHANNELS = 32


@pytest.mark.parametrize("channels", [32, 64, 128])
@pytest.mark.parametrize("way", ["plain", "native"])
def test_training_a_submanifold_3x3x3(
    benchmark: BenchmarkFixture, street_voxels: Tensor, way: str, channels: int
) -> None:
    """The portable engine against spconv's own layer."""
    kernel_map = KernelMapCache().submanifold(street_voxels, (3, 3, 3))
    work = convolution(portable(way), kernel_map, channels, training=True)
    benchmark.extra_info |= {"pairs": kernel_map.pairs, "channels": channels}
    compare(benchmark, work, {"spconv": spconv_training(street_voxels, channels)})


@pytest.mark.parametrize("channels", [32, 64])
@pytest.mark.parametrize("way", ["plain", "native"])
def test_training_a_submanifold_3x3x3_beside_minkowski(benchmark: BenchmarkFixture, way: str, channels: int) -> None:
    """The portable engine against MinkowskiEngine's own layer."""
    voxels = scan_voxels(50_000)
    kernel_map = KernelMapCache().submanifold(voxels, (3, 3, 3))
    work = convolution(portable(way), kernel_map, channels, training=True)
    benchmark.extra_info |= {"pairs": kernel_map.pairs, "channels": channels}
    compare(benchmark, work, {"minkowski": minkowski_training(voxels, channels)}, rounds=5)


@pytest.fixture(scope="module")
def maps() -> dict[str, KernelMap]:
    """Of 50 000 voxels, on a GPU where there is one."""
    voxels, cache = scan_voxels(50_000).to("cuda" if torch.cuda.is_available() else "cpu"), KernelMapCache()
    strided = cache.strided(voxels, DOWN)
    return {"submanifold": cache.submanifold(voxels, (3, 3, 3)), "strided": strided, "inverse": strided}


@pytest.mark.parametrize("training", [True, False], ids=["training", "inference"])
@pytest.mark.parametrize("operation", ["submanifold", "strided", "inverse"])
@pytest.mark.parametrize("name", [name for name in engine_names() if name != "portable"])
def test_an_engine_beside_the_portable_one(
    benchmark: BenchmarkFixture, maps: dict[str, KernelMap], name: str, operation: str, training: bool
) -> None:
    """Through this project's contract, on the very same map: 3³ submanifold, 2³ with stride 2 and back."""
    direction: Direction = "inverse" if operation == "inverse" else "forward"
    kernel_map = maps[operation]
    try:
        engine = get_engine(name)
        work = convolution(engine, kernel_map, CHANNELS, training, direction)
        work()
    except EngineError as error:
        pytest.skip(str(error))
    portable_work = convolution(get_engine("portable"), kernel_map, CHANNELS, training, direction)
    benchmark.extra_info |= {"pairs": kernel_map.pairs, "channels": CHANNELS, "version": engine.version}
    compare(benchmark, work, {"portable": portable_work}, rounds=5)
