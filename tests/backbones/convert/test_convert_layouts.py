from __future__ import annotations

from collections.abc import Callable
from itertools import product
from math import prod

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from backbones.convert.errors import ConversionError
from backbones.convert.layouts import KRSC, RSCK, RSKC, TORCHSPARSE, Kernel, Layout, choose_layout
from backbones.sparse.geometry import Triple
from backbones.sparse.layers import StridedConv, SubmanifoldConv
from backbones.sparse.tensor import SparseTensor

LAYOUTS = (RSCK, RSKC, KRSC, TORCHSPARSE)
SPCONV = (RSCK, KRSC, RSKC)
DIRECTIONS = list(product((-1, 0, 1), repeat=3))


def named(layout: Layout) -> str:
    return layout.name


@given(
    layout=st.sampled_from(LAYOUTS),
    size=st.tuples(*[st.integers(1, 4)] * 3),
    channels=st.tuples(*[st.integers(1, 5)] * 2),
)
def test_reading_undoes_writing_bit_by_bit(layout: Layout, size: Triple, channels: tuple[int, int]) -> None:
    weight = torch.arange(prod(size) * prod(channels), dtype=torch.float32).reshape(-1, *channels)
    stored = layout.write(weight, size)
    assert tuple(stored.shape) == layout.shape(Kernel(size, *channels))
    assert stored.is_contiguous()
    assert torch.equal(layout.read(stored, size), weight)
    assert torch.equal(layout.write(layout.read(stored, size), size), stored)


def spconv_one_hot(layout: Layout) -> Callable[[Triple], Tensor]:
    """A 3³ kernel that reads the neighbour at (dx, dy, dz) alone, as spconv indexes it: axes as in its indices."""

    def make(direction: Triple) -> Tensor:
        place = tuple(step + 1 for step in direction)
        stored = torch.zeros(layout.shape(Kernel((3, 3, 3), 1, 1)))
        stored[(0, *place, 0) if layout is KRSC else (*place, 0, 0)] = 1
        return stored

    return make


def torchsparse_one_hot(direction: Triple) -> Tensor:
    dx, dy, dz = (step + 1 for step in direction)
    stored = torch.zeros(27, 1, 1)
    stored[dx + 3 * dy + 9 * dz] = 1
    return stored


@pytest.mark.parametrize("layout", LAYOUTS, ids=named)
@pytest.mark.parametrize("direction", DIRECTIONS)
def test_a_submanifold_kernel_reads_the_neighbour_it_names(layout: Layout, direction: Triple) -> None:
    one_hot = torchsparse_one_hot if layout is TORCHSPARSE else spconv_one_hot(layout)
    convolution = SubmanifoldConv(1, 1, 3)
    convolution.weight.data = layout.read(one_hot(direction), (3, 3, 3))
    here, there = (4, 5, 6), tuple(c + step for c, step in zip((4, 5, 6), direction, strict=True))
    cells = sorted({here, there})
    features = torch.tensor([[7.0] if cell == there else [1.0] for cell in cells])
    output = convolution(SparseTensor(features, torch.tensor([[0, *cell] for cell in cells])))
    assert output.features[cells.index(here)].item() == 7.0
    if here != there:
        assert output.features[cells.index(there)].item() == 0.0


@pytest.mark.parametrize("layout", LAYOUTS, ids=named)
@pytest.mark.parametrize("corner", list(product((0, 1), repeat=3)))
def test_a_kernel_of_stride_two_reads_the_corner_it_names(layout: Layout, corner: Triple) -> None:
    x, y, z = corner
    stored = torch.zeros(layout.shape(Kernel((2, 2, 2), 1, 1)))
    if layout is TORCHSPARSE:
        stored[4 * x + 2 * y + z] = 1
    else:
        stored[(0, *corner, 0) if layout is KRSC else (*corner, 0, 0)] = 1
    convolution = StridedConv(1, 1, 2, 2)
    convolution.weight.data = layout.read(stored, (2, 2, 2))
    for cell in product((0, 1), repeat=3):
        fine = SparseTensor(torch.tensor([[3.0]]), torch.tensor([[0, *(2 + step for step in cell)]]))
        assert convolution(fine).features.item() == (3.0 if cell == corner else 0.0)


def test_channels_are_not_exchanged() -> None:
    weight = torch.tensor([[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]])
    assert TORCHSPARSE.write(weight, (1, 1, 1)).tolist() == [[1, 2, 3], [4, 5, 6]]
    assert RSCK.write(weight, (1, 1, 1))[0, 0, 0].tolist() == [[1, 2, 3], [4, 5, 6]]
    assert RSKC.write(weight, (1, 1, 1))[0, 0, 0].tolist() == [[1, 4], [2, 5], [3, 6]]
    assert KRSC.write(weight, (1, 1, 1))[:, 0, 0, 0].tolist() == [[1, 4], [2, 5], [3, 6]]


@pytest.mark.parametrize("layout", SPCONV, ids=named)
def test_an_ambiguous_shape_is_settled_by_the_rest_of_the_file(layout: Layout) -> None:
    kernels = {"cube": Kernel((3, 3, 3), 3, 3), "flat": Kernel((1, 3, 3), 2, 4)}
    stored = {name: torch.Size(layout.shape(kernel)) for name, kernel in kernels.items()}
    assert choose_layout(SPCONV, kernels, stored) is layout


def test_a_file_of_ambiguous_shapes_alone_is_refused() -> None:
    kernels = {"cube": Kernel((3, 3, 3), 3, 3)}
    with pytest.raises(ConversionError, match=r"fit the layouts spconv 1.x \(RSCK\) and spconv 2.x \(KRSC\) and"):
        choose_layout(SPCONV, kernels, {"cube": torch.Size((3, 3, 3, 3, 3))})


def test_a_damaged_file_is_compared_with_the_layout_of_most_of_its_kernels() -> None:
    kernels = {f"kernel{n}": Kernel((3, 3, 3), 4, 5 + n) for n in range(3)}
    stored = {name: torch.Size(KRSC.shape(kernel)) for name, kernel in kernels.items()}
    stored["kernel1"] = torch.Size((1, 2))
    assert choose_layout(SPCONV, kernels, stored) is KRSC
    del stored["kernel2"]
    assert choose_layout(SPCONV, kernels, stored) is KRSC


@pytest.mark.engine
@pytest.mark.parametrize("size", [(3, 3, 3), (1, 3, 3), (3, 1, 3), (3, 1, 1)])
def test_our_weights_in_spconvs_own_layer_give_the_same_features(size: Triple) -> None:
    spconv = pytest.importorskip("spconv.pytorch")
    torch.manual_seed(0)
    cells = (torch.rand(1, 8, 8, 8) < 0.4).nonzero()
    indices = cells.int().contiguous()  # spconv does not look at strides
    features = torch.randn(len(cells), 4)
    ours = SubmanifoldConv(4, 5, size)
    theirs = spconv.SubMConv3d(4, 5, size, bias=False, algo=spconv.ConvAlgo.Native)
    stored = KRSC.write(ours.weight.detach(), size)
    assert stored.shape == theirs.weight.shape
    theirs.weight.data = stored
    with torch.no_grad():
        expected = theirs(spconv.SparseConvTensor(features, indices, [8, 8, 8], 1)).features
        torch.testing.assert_close(ours(SparseTensor(features, cells)).features, expected)
        theirs.weight.data = KRSC.write(ours.weight.detach().flip(0), size)
        wrong = theirs(spconv.SparseConvTensor(features, indices, [8, 8, 8], 1)).features
    assert (wrong - expected).abs().max() > 0.1
