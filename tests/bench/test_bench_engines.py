"""Training speed of the portable engine on one thread, as a ratio to the spconv wheel, timed in turns in one process.

Both find their kernel maps built. The ratio stands in `extra_info`: it carries over between machines, times do not.
"""

from __future__ import annotations

import pytest
import torch
from convolution_work import Work, compare, convolution, portable
from pytest_benchmark.fixture import BenchmarkFixture
from torch import Tensor

from backbones.sparse.kernel_map import KernelMapCache

pytestmark = pytest.mark.usefixtures("one_thread")


def spconv_convolution(voxels: Tensor, channels: int) -> Work:
    """Forward and backward of spconv's own layer, with the algorithm that runs on a CPU."""
    spconv = pytest.importorskip("spconv.pytorch", reason="spconv is not installed: pip install spconv-cu118==2.3.8")
    from spconv.core import ConvAlgo

    layer = spconv.SubMConv3d(channels, channels, 3, bias=False, indice_key="map", algo=ConvAlgo.Native)
    features = torch.randn(len(voxels), channels, requires_grad=True)
    upstream, indices = torch.randn(len(voxels), channels), voxels.int()
    extents = (voxels[:, 1:].max(0).values + 1).tolist()
    maps = layer(spconv.SparseConvTensor(features, indices, extents, 1)).indice_dict

    def run() -> None:
        x = spconv.SparseConvTensor(features, indices, extents, 1)
        x.indice_dict = maps
        torch.autograd.grad(layer(x).features, (features, layer.weight), upstream)

    return run


@pytest.mark.parametrize("channels", [32, 64, 128])
@pytest.mark.parametrize("way", ["plain", "native"])
def test_training_a_submanifold_3x3x3(
    benchmark: BenchmarkFixture, street_voxels: Tensor, way: str, channels: int
) -> None:
    kernel_map = KernelMapCache().submanifold(street_voxels, (3, 3, 3))
    work = convolution(portable(way), kernel_map, channels, training=True)
    benchmark.extra_info |= {"pairs": kernel_map.pairs, "channels": channels}
    compare(benchmark, work, spconv_convolution(street_voxels, channels), "spconv")
