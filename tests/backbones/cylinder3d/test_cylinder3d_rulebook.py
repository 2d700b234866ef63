from __future__ import annotations

from itertools import product

import pytest
import torch

from backbones.build import build_backbone
from backbones.cylinder3d.convolution import KeyedConv
from backbones.cylinder3d.network import Cylinder3D
from backbones.cylinder3d.rulebook import AsDescribed, AsReleased, open_rulebook
from backbones.sparse.tensor import SparseTensor


def tensor() -> SparseTensor:
    cells = torch.tensor([(0, *cell) for cell in product(range(3), repeat=3)])
    return SparseTensor(torch.randn(27, 2, generator=torch.Generator().manual_seed(0)), cells, extents=(3, 3, 3))


def test_as_described_gives_every_kernel_its_own_map_whatever_the_key() -> None:
    x, rulebook = tensor(), open_rulebook("as_described")
    assert isinstance(rulebook, AsDescribed)
    assert rulebook.find("a", (1, 3, 3), x).geometry.kernel_size == (1, 3, 3)
    assert rulebook.find("a", (3, 1, 3), x).geometry.kernel_size == (3, 1, 3)


def test_as_released_keeps_the_first_map_of_a_key_for_one_pass() -> None:
    x, rulebook = tensor(), open_rulebook("as_released")
    assert isinstance(rulebook, AsReleased)
    first = rulebook.find("a", (1, 3, 3), x)
    assert rulebook.find("a", (3, 3, 3), x.with_features(x.features[:, :1])) is first
    assert rulebook.find("b", (3, 3, 3), x).geometry.kernel_size == (3, 3, 3)
    assert open_rulebook("as_released").find("a", (3, 1, 3), x).geometry.kernel_size == (3, 1, 3)


def test_a_slice_of_the_weights_serves_the_stored_offset_of_the_same_number() -> None:
    """27 weights on a map of nine offsets in φ and z: the first nine are used, the fifth at the centre."""
    x, rulebook = tensor(), AsReleased()
    rulebook.find("a", (1, 3, 3), x)
    torch.manual_seed(0)
    layer = KeyedConv(2, 3, (3, 3, 3), "a", bias=True)
    expected = layer.bias.detach().repeat(27, 1)
    where = {tuple(cell): row for row, cell in enumerate(x.coordinates[:, 1:].tolist())}
    for number, (dp, dz) in enumerate(product((-1, 0, 1), repeat=2)):
        for (r, p, z), row in where.items():
            if (r, p + dp, z + dz) in where:
                expected[row] += x.features[where[r, p + dp, z + dz]] @ layer.weight[number].detach()
    torch.testing.assert_close(layer(x, rulebook).features, expected)


@pytest.mark.parametrize("rulebook, unread", [("as_described", 0), ("as_released", 6_266_880)])
def test_weights_that_no_prediction_reads_get_no_gradient(rulebook: str, unread: int) -> None:
    """Counted at 1/32 of the width, where a slice has 1/32² of the numbers, on a block that fills every level."""
    torch.manual_seed(0)
    network = build_backbone("cylinder3d", 1 / 32, 3, {"rulebook": rulebook, "input_channels": 1})
    assert isinstance(network, Cylinder3D)
    cells = torch.tensor([(0, *cell) for cell in product(range(40), range(40), range(9))])
    x = SparseTensor(torch.rand(len(cells), 1), cells, extents=(40, 40, 9))
    maps = open_rulebook(network.settings.rulebook)
    network.logits(network._stages(x, maps)["ddcm"], maps).features.square().sum().backward()
    idle = 0
    for layer in network.modules():
        if getattr(layer, "geometry", None) is not None and layer.geometry.volume > 1:
            slices = layer.weight.grad.abs().sum((1, 2))
            idle += int((slices == 0).sum()) * layer.weight[0].numel()
    assert idle * 32**2 == unread


def test_the_unread_weights_of_the_published_width() -> None:
    with torch.device("meta"):
        network = build_backbone("cylinder3d", 1.0, 20)
    assert sum(network.get_submodule(f"up{n}.after.2.convolution").weight[9:].numel() for n in range(1, 5)) == 6_266_880
