from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from dense_grid import random_voxels, sparse
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from backbones.sparse.kernel_map import KernelMapCache
from backbones.sparse.layers import InverseConv, SparseConv, StridedConv, SubmanifoldConv
from backbones.sparse.native.kernel import load_kernel
from backbones.sparse.ops import sparse_conv, sparse_conv_backward
from backbones.sparse.portable import PortableEngine, load
from backbones.sparse.tensor import SparseTensor


def flops(work: Callable[[], object]) -> int:
    counter = FlopCounterMode(display=False)
    with counter:
        work()
    return counter.get_total_flops()


@pytest.mark.parametrize("first_layer", [True, False])
@pytest.mark.parametrize(
    "layer", [SubmanifoldConv(3, 5, 3), SubmanifoldConv(3, 5, 2), StridedConv(3, 5, 3, 2, "window")]
)
def test_flops_are_pairs_times_channels_forward_and_per_wanted_gradient(layer: SparseConv, first_layer: bool) -> None:
    coordinates = random_voxels((5, 5, 5), 0.4, 2, seed=0)
    x = SparseTensor(torch.randn(len(coordinates), 3, requires_grad=not first_layer), coordinates)
    outputs: list[Tensor] = []
    forward = flops(lambda: outputs.append(layer(x).features))
    geometry = layer.geometry
    strided = geometry.rule != "submanifold"
    found = x.maps.strided(coordinates, geometry) if strided else x.maps.submanifold(coordinates, geometry.kernel_size)
    assert forward == 2 * found.pairs * 3 * 5
    assert flops(lambda: torch.autograd.backward(outputs[0].sum())) == forward * (1 if first_layer else 2)


def test_flops_of_a_frozen_layer_count_the_features_alone() -> None:
    x = sparse(random_voxels((5, 5, 5), 0.4, 1, seed=1), 3, seed=2)
    layer = SubmanifoldConv(3, 3, 3).double().requires_grad_(False)
    output = layer(x).features
    pairs = layer.kernel_map(x).pairs
    assert flops(lambda: torch.autograd.backward(output.sum())) == 2 * pairs * 9


def test_flops_of_inverse_and_linear_layers() -> None:
    fine = sparse(random_voxels((5, 5, 5), 0.4, 1, seed=3), 2, seed=4)
    coarse = StridedConv(2, 4, 2, 2).double()(fine)
    up, linear = InverseConv(4, 3, 2, 2).double(), SubmanifoldConv(2, 7, 1).double()
    voxels = len(fine.coordinates)
    assert flops(lambda: up(coarse, fine)) == 2 * voxels * 4 * 3
    assert flops(lambda: linear(fine)) == 2 * voxels * 2 * 7


def test_flops_do_not_depend_on_how_it_is_computed() -> None:
    kernel_map = KernelMapCache().submanifold(random_voxels((5, 5, 5), 0.4, 1, seed=6), (3, 3, 3))
    for engine in (PortableEngine(), load()):
        features = torch.randn(kernel_map.in_rows, 3, requires_grad=True)
        weight = torch.randn(27, 3, 5, requires_grad=True)
        convolve = partial(engine.convolve, features, weight, kernel_map, "forward")
        assert flops(convolve) == 2 * kernel_map.pairs * 15
        assert flops(partial(torch.autograd.backward, convolve().sum())) == 4 * kernel_map.pairs * 15


@pytest.mark.parametrize("way", ["chunks", "chunks with identity", "blocks", "native"])
def test_operators_meet_torchs_own_checks(way: str) -> None:
    if way == "native" and load_kernel() is None:
        pytest.skip("no C++ compiler here, so no compiled kernel")
    kernel_map = KernelMapCache().submanifold(random_voxels((3, 3, 3), 0.5, 1, seed=5), (3, 3, 3))
    rows, blocks, identity = kernel_map.in_rows, kernel_map.blocks, -1 if way == "chunks" else 13
    features, weight = torch.randn(rows, 2, requires_grad=True), torch.randn(27, 2, 3, requires_grad=True)
    pairs: tuple[Any, ...] = kernel_map.inputs, kernel_map.outputs, list(kernel_map.counts)
    how: tuple[Any, ...] = identity, None, None, way == "native"
    if way == "blocks":
        pairs = blocks.sources, blocks.targets, list(blocks.counts)
        how = identity, blocks.order, blocks.starts, False
    torch.library.opcheck(sparse_conv, (features, weight, *pairs, rows, *how))
    plain = features.detach(), weight.detach()
    for wants in ((True, True), (True, False), (False, True)):
        torch.library.opcheck(sparse_conv_backward, (torch.randn(rows, 3), *plain, *pairs, *how, *wants))
