from __future__ import annotations

import copy
from dataclasses import dataclass
from itertools import product
from math import sqrt

import pytest
import torch
from dense_grid import Triple, random_voxels, sparse
from torch import nn

from backbones.sparse.engine import EngineError
from backbones.sparse.geometry import Geometry
from backbones.sparse.kernel_map import KernelMap
from backbones.sparse.layers import InverseConv, SparseConv, StridedConv, SubmanifoldConv, set_engine
from backbones.sparse.portable import PortableEngine
from backbones.sparse.tensor import SparseTensor


def one_hot(layer: SparseConv, k: int) -> SparseConv:
    """Let offset k alone pass its input on."""
    with torch.no_grad():
        layer.weight.zero_()
        layer.weight[k] = 1
    return layer


@pytest.mark.parametrize("kernel", [(3, 3, 3), (2, 2, 2), (1, 3, 2)])
def test_which_input_each_submanifold_offset_reads(kernel: Triple) -> None:
    coordinates = random_voxels((5, 5, 5), 1.0, 1, seed=0)
    x = SparseTensor(torch.arange(125.0)[:, None], coordinates)
    starts = [-(size // 2) if size % 2 else 0 for size in kernel]
    for k, step in enumerate(product(*(range(size) for size in kernel))):
        read = one_hot(SubmanifoldConv(1, 1, kernel), k)(x).features[2 * 25 + 2 * 5 + 2].item()
        i, j, n = (2 + start + s for start, s in zip(starts, step, strict=True))
        assert read == i * 25 + j * 5 + n


def test_which_input_each_strided_and_inverse_offset_reads() -> None:
    x = SparseTensor(torch.arange(64.0)[:, None], random_voxels((4, 4, 4), 1.0, 1, seed=0))
    for k, (i, j, n) in enumerate(product(range(2), repeat=3)):
        coarse = one_hot(StridedConv(1, 1, 2, 2), k)(x)
        assert coarse.features[0].item() == i * 16 + j * 4 + n
        back = one_hot(InverseConv(1, 1, 2, 2), k)(coarse.with_features(torch.ones(8, 1)), x).features[:, 0]
        written = x.coordinates[back == 1, 1:] % 2
        assert written.tolist() == [[i, j, n]] * 8


def test_a_kernel_of_one_cell_is_a_linear_layer() -> None:
    x = sparse(random_voxels((4, 4, 4), 0.5, 1, seed=1), 3, seed=2)
    layer = SubmanifoldConv(3, 6, 1, bias=True).double()
    assert layer.bias is not None
    assert torch.allclose(layer(x).features, x.features @ layer.weight[0] + layer.bias, rtol=1e-12)


def test_a_bias_is_added_to_every_row() -> None:
    x = sparse(random_voxels((4, 4, 4), 0.3, 1, seed=3), 2, seed=4)
    layer = SubmanifoldConv(2, 3, 3, bias=True).double()
    assert layer.bias is not None
    assert torch.allclose(
        layer(x.with_features(torch.zeros_like(x.features))).features, layer.bias.expand(len(x.features), -1)
    )


def test_initial_weights_follow_the_global_generator_and_count_every_offset_as_fan_in() -> None:
    torch.manual_seed(5)
    first = SubmanifoldConv(16, 32, 3)
    torch.manual_seed(5)
    again = SubmanifoldConv(16, 32, 3)
    bound = 1 / sqrt(27 * 16)
    assert torch.equal(first.weight, again.weight)
    assert 0.99 * bound < first.weight.abs().max().item() <= bound
    assert first.weight.std().item() == pytest.approx(bound / sqrt(3), rel=0.02)


def test_an_inverse_refuses_voxels_of_another_layer() -> None:
    fine = sparse(random_voxels((4, 4, 4), 0.5, 1, seed=6), 2, seed=7)
    coarse = StridedConv(2, 2, 3, 2, "window").double()(fine)
    with pytest.raises(ValueError, match="not made from the fine ones"):
        InverseConv(2, 2, 2, 2).double()(coarse, fine)


def test_extents_bound_the_window_rule_and_pass_on() -> None:
    fine = sparse(torch.tensor([[0, 3, 0, 0]]), 1, seed=0, extents=(4, 4, 3))
    coarse = StridedConv(1, 1, 3, (2, 2, 1), "window").double()(fine)
    assert coarse.coordinates.tolist() == [[0, 1, 0, 0], [0, 1, 0, 1]]
    assert coarse.extents == (2, 2, 3)
    assert StridedConv(1, 1, 3, 2, "window").double()(coarse).stride == (4, 4, 2)


def test_maps_of_another_kernel_use_the_first_slices() -> None:
    x = sparse(random_voxels((5, 5, 5), 0.5, 1, seed=8), 2, seed=9)
    wide, narrow = SubmanifoldConv(2, 3, 3).double(), SubmanifoldConv(2, 3, (1, 3, 3)).double()
    narrow.weight.data = wide.weight.detach()[:9].clone()
    assert torch.equal(wide.convolve(x.features, narrow.kernel_map(x)), narrow(x).features)


@dataclass(frozen=True)
class FloorOnly(PortableEngine):
    """An engine that can't express the window rule."""

    def supports(self, geometry: Geometry) -> bool:
        return geometry.rule != "window"

    def convolve(
        self, features: torch.Tensor, weight: torch.Tensor, kernel_map: KernelMap, direction: str
    ) -> torch.Tensor:
        return -super().convolve(features, weight, kernel_map, direction)  # type: ignore[arg-type]


def test_a_network_is_put_on_an_engine_as_a_whole_or_not_at_all() -> None:
    x = sparse(random_voxels((5, 5, 5), 0.5, 1, seed=10), 2, seed=11)
    network = nn.Sequential(SubmanifoldConv(2, 2, 3), nn.Sequential(StridedConv(2, 2, 2, 2))).double()
    moved = copy.deepcopy(network)
    set_engine(moved, FloorOnly())
    assert torch.equal(moved[0](x).features, -network[0](x).features)
    mixed = nn.Sequential(SubmanifoldConv(2, 2, 3), StridedConv(2, 2, 3, 2, "window"))
    with pytest.raises(EngineError, match=r"'portable' can't express the layer 1, a .*window"):
        set_engine(mixed, FloorOnly())
    assert mixed[0].engine == PortableEngine()


def test_a_printed_layer_shows_its_shape() -> None:
    shown = str(StridedConv(2, 4, 3, (2, 2, 1), "window"))
    assert shown == "StridedConv(2, 4, kernel_size=(3, 3, 3), stride=(2, 2, 1), rule=window, bias=False)"


def test_features_and_voxels_must_match() -> None:
    with pytest.raises(ValueError, match=r"\[V, C\]"):
        SparseTensor(torch.zeros(3, 2), torch.zeros(4, 4, dtype=torch.int64))
