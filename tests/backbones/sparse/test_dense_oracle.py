"""Every layer against PyTorch's dense convolutions on small grids, in float64, values and gradients."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from dense_grid import Triple, dense_weight, densify, random_voxels, rows_of, sparse
from torch import Tensor

from backbones.sparse.geometry import Rule
from backbones.sparse.layers import InverseConv, SparseConv, StridedConv, SubmanifoldConv

EXTENTS, SCANS = (7, 6, 5), 2
KERNELS: list[Triple] = [(3, 3, 3), (1, 3, 3), (3, 1, 3), (3, 1, 1), (5, 3, 1), (2, 2, 2), (4, 1, 3)]
STRIDED: list[tuple[Triple, Triple, Rule]] = [
    ((2, 2, 2), (2, 2, 2), "floor"),
    ((3, 3, 3), (2, 2, 2), "floor"),
    ((2, 3, 1), (2, 3, 1), "floor"),
    ((3, 3, 3), (2, 2, 2), "window"),
    ((3, 3, 3), (2, 2, 1), "window"),
    ((2, 5, 3), (2, 3, 1), "window"),
    ((3, 3, 3), (1, 1, 1), "window"),
]


def around(kernel: Triple, extents: Triple, stride: Triple) -> list[int]:
    """Zeros that make the dense output cover every cell the sparse one may have, in the order of F.pad."""
    before = [size // 2 if size % 2 else 0 for size in kernel]
    after = [size + step for size, step in zip(kernel, stride, strict=True)]
    return [zeros for axis in (2, 1, 0) for zeros in (before[axis], after[axis])]


def dense_conv(grid: Tensor, layer: SparseConv) -> Tensor:
    shape = layer.geometry
    padded = F.pad(grid, around(shape.kernel_size, EXTENTS, shape.stride))
    return F.conv3d(padded, dense_weight(layer.weight, shape.kernel_size), stride=shape.stride)


def gradients(output: Tensor, upstream: Tensor, *leaves: Tensor) -> tuple[Tensor, ...]:
    return torch.autograd.grad((output * upstream).sum(), leaves)


def agree(found: Tensor, expected: Tensor, features: Tensor, layer: SparseConv) -> bool:
    """Compare values and both gradients under a random upstream gradient."""
    upstream = torch.randn(found.shape, generator=torch.Generator().manual_seed(9), dtype=found.dtype)
    pairs = zip(
        (found, *gradients(found, upstream, features, layer.weight)),
        (expected, *gradients(expected, upstream, features, layer.weight)),
        strict=True,
    )
    return all(torch.allclose(a, b, rtol=1e-12, atol=1e-12) for a, b in pairs)


@pytest.mark.parametrize("kernel", KERNELS)
def test_submanifold(kernel: Triple) -> None:
    x = sparse(random_voxels(EXTENTS, 0.4, SCANS, seed=3), 3, seed=4)
    layer = SubmanifoldConv(3, 5, kernel).double()
    expected = rows_of(dense_conv(densify(x.features, x.coordinates, EXTENTS, SCANS), layer), x.coordinates)
    assert agree(layer(x).features, expected, x.features, layer)


@pytest.mark.parametrize("kernel,stride,rule", STRIDED)
def test_strided(kernel: Triple, stride: Triple, rule: Rule) -> None:
    x = sparse(random_voxels(EXTENTS, 0.2, SCANS, seed=5), 3, seed=6)
    layer = StridedConv(3, 4, kernel, stride, rule).double()
    y = layer(x)
    expected = rows_of(dense_conv(densify(x.features, x.coordinates, EXTENTS, SCANS), layer), y.coordinates)
    assert y.stride == stride
    assert agree(y.features, expected, x.features, layer)


@pytest.mark.parametrize("kernel,stride,rule", STRIDED)
def test_inverse(kernel: Triple, stride: Triple, rule: Rule) -> None:
    """The inverse is the transpose of the strided layer: what autograd derives from the dense forward."""
    fine = sparse(random_voxels(EXTENTS, 0.2, SCANS, seed=7), 1, seed=8)
    coarse = StridedConv(1, 3, kernel, stride, rule).double()(fine)
    coarse = coarse.with_features(coarse.features.detach().requires_grad_())
    layer = InverseConv(3, 4, kernel, stride, rule).double()
    x, y, z = (n // s + 2 for n, s in zip(EXTENTS, stride, strict=True))
    grid = densify(coarse.features, coarse.coordinates, (x, y, z), SCANS)
    weight = dense_weight(layer.weight, kernel).transpose(0, 1)
    full = F.conv_transpose3d(grid, weight, stride=stride)
    before = torch.tensor([0, *(size // 2 if size % 2 else 0 for size in kernel)])
    expected = rows_of(full, fine.coordinates + before)
    found = layer(coarse, fine)
    assert found.coordinates is fine.coordinates
    assert agree(found.features, expected, coarse.features, layer)


def test_weights_in_another_order_do_not_agree() -> None:
    """The negative control: z slowest and x fastest must not pass."""
    x = sparse(random_voxels(EXTENTS, 0.4, SCANS, seed=3), 3, seed=4)
    layer = SubmanifoldConv(3, 5, 3).double()
    expected = rows_of(dense_conv(densify(x.features, x.coordinates, EXTENTS, SCANS), layer), x.coordinates)
    turned = layer.weight.detach().reshape(3, 3, 3, 3, 5).transpose(0, 2).reshape(27, 3, 5)
    layer.weight.data = turned.contiguous()
    assert not torch.allclose(layer(x).features, expected, rtol=1e-3, atol=1e-3)


def test_scans_of_a_batch_do_not_mix() -> None:
    both = random_voxels(EXTENTS, 0.4, 2, seed=11)
    x = sparse(both, 3, seed=12)
    layers = StridedConv(3, 4, 3, 2, "window").double(), InverseConv(4, 2, 3, 2, "window").double()
    together = layers[1](layers[0](x), x).features
    for scan in (0, 1):
        mine = both[:, 0] == scan
        alone = sparse(both[mine], 3, seed=0).with_features(x.features[mine])
        assert torch.allclose(layers[1](layers[0](alone), alone).features, together[mine], rtol=1e-12, atol=1e-12)
