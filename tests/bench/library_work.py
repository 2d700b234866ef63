"""spconv's and MinkowskiEngine's own layers and maps, called as their users call them: the rivals of an engine.

Each skips the test where its library is not installed.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor
from turns import Work

from backbones.sparse.engine import EngineError, get_engine


def _spconv() -> ModuleType:
    module: ModuleType = pytest.importorskip(
        "spconv.pytorch", reason="spconv is not installed: pip install spconv-cu118==2.3.8"
    )
    return module


def _minkowski() -> ModuleType:
    try:
        get_engine("minkowski")  # imports the library, which Python 3.10 and later has to be told about
    except EngineError as error:
        pytest.skip(str(error))
    import MinkowskiEngine

    return MinkowskiEngine


def spconv_training(voxels: Tensor, channels: int) -> Work:
    """Forward and backward of a 3³ submanifold layer, with the algorithm that runs on a CPU; its map is at hand."""
    spconv = _spconv()
    from spconv.core import ConvAlgo

    layer = spconv.SubMConv3d(channels, channels, 3, bias=False, indice_key="map", algo=ConvAlgo.Native)
    features = torch.randn(len(voxels), channels, requires_grad=True)
    upstream, indices, extents = torch.randn(len(voxels), channels), voxels.int(), _extents(voxels)
    maps = layer(spconv.SparseConvTensor(features, indices, extents, 1)).indice_dict

    def run() -> None:
        x = spconv.SparseConvTensor(features, indices, extents, 1)
        x.indice_dict = maps
        torch.autograd.grad(layer(x).features, (features, layer.weight), upstream)

    return run


def minkowski_training(voxels: Tensor, channels: int) -> Work:
    """Forward and backward of a 3³ layer of stride 1, whose sites and map its coordinate manager has at hand."""
    library = _minkowski()
    layer = library.MinkowskiConvolution(channels, channels, kernel_size=3, bias=False, dimension=3)
    features = torch.randn(len(voxels), channels, requires_grad=True)
    upstream = torch.randn(len(voxels), channels)
    manager, key = _minkowski_sites(library, voxels)

    def run() -> None:
        x = library.SparseTensor(features, coordinate_map_key=key, coordinate_manager=manager)
        torch.autograd.grad(layer(x).F, (features, layer.kernel), upstream)

    return run


def spconv_map(voxels: Tensor, strided: bool) -> Work:
    """The pairs of a 3³ submanifold convolution, or of a 2³ one with stride 2 and its sites, from the voxels.

    Of a submanifold map the library stores half of the pairs: the others are these turned around.
    """
    _spconv()
    from spconv.core import ConvAlgo
    from spconv.pytorch.ops import get_indice_pairs

    indices, extents = voxels.int(), _extents(voxels)
    size, step, padding = (2, 2, 0) if strided else (3, 1, 1)
    shape = [[size] * 3, [step] * 3, [padding] * 3, [1] * 3, [0] * 3]
    return lambda: get_indice_pairs(indices, 1, extents, ConvAlgo.Native, *shape, subm=not strided)


def minkowski_map(voxels: Tensor, strided: bool) -> Work:
    """The same maps, from the voxels: hashed sites, then the pairs of each offset."""
    library = _minkowski()
    size, step = (2, 2) if strided else (3, 1)

    def run() -> object:
        manager, key = _minkowski_sites(library, voxels)
        out = manager.stride(key, [step] * 3) if strided else key
        return manager.kernel_map(key, out, [step] * 3, [size] * 3)

    return run


def _minkowski_sites(library: ModuleType, voxels: Tensor) -> tuple[Any, Any]:
    manager = library.CoordinateManager(D=3, coordinate_map_type=library.CoordinateMapType.CPU)
    key, _ = manager.insert_and_map(voxels.int().contiguous(), [1, 1, 1])
    return manager, key


def _extents(voxels: Tensor) -> list[int]:
    """Return cells along each axis, an even number: of an odd one a stride of 2 would leave out the last."""
    highest = voxels[:, 1:].max(0).values
    extents: list[int] = (2 * (highest // 2 + 1)).tolist()
    return extents
