from __future__ import annotations

import torch
from torch import nn

from backbones.sparse.kernel_map import KernelMapCache
from backbones.sparse.layers import InverseConv, StridedConv, SubmanifoldConv
from backbones.sparse.portable import PortableEngine
from backbones.sparse.tensor import SparseTensor
from harness.measure.layers import only, watch_layers


class Net(nn.Module):
    """Down and up again, one linear layer called on both levels, one never called."""

    def __init__(self) -> None:
        super().__init__()
        self.down = StridedConv(3, 6, 2, 2)
        self.up = InverseConv(6, 3, 2, 2)
        self.point = SubmanifoldConv(3, 4, 1)
        self.shared = nn.Linear(6, 2)
        self.unused = nn.Linear(1, 1)

    def forward(self, x: SparseTensor) -> torch.Tensor:
        coarse = self.down(x)
        self.shared(coarse.features)
        self.shared(torch.cat([x.features, x.features], 1))
        return self.point(self.up(coarse, x)).features


def grid() -> SparseTensor:
    cells = torch.cartesian_prod(torch.tensor([0]), *[torch.arange(3)] * 3)
    return SparseTensor(torch.empty(len(cells), 3, device="meta"), cells, maps=KernelMapCache())


def test_layers_that_are_called_are_seen_with_their_rows_channels_and_pairs() -> None:
    network, x = Net().to("meta"), grid()
    with watch_layers(network) as records:
        output = network(x)
    assert output.shape == (27, 4)
    assert set(records) == {"down", "shared", "up", "point"}
    down, up, point, shared = (records[path] for path in ("down", "up", "point", "shared"))
    assert (down.shape(), down.kernel_volume(), down.pairs()) == ((27, 3, 8, 6), 8, 27)
    assert (up.shape(), up.kernel_volume(), up.pairs()) == ((8, 6, 27, 3), 8, 27)
    assert down.convolutions[0].kernel_map is up.convolutions[0].kernel_map
    assert (point.shape(), point.kernel_volume(), point.pairs()) == ((27, 3, 27, 4), 1, 27)
    assert (shared.shape(), shared.kernel_volume(), shared.pairs()) == ((None, 6, None, 2), None, None)
    assert [record.kind for record in (down, point, shared)] == ["convolution", "convolution", "linear"]


def test_engines_are_asked_what_they_multiply_and_come_back() -> None:
    class Silent(PortableEngine):
        def executed_macs(self, *arguments: object) -> None:  # type: ignore[override]
            return None

    network, portable, silent = Net().to("meta"), PortableEngine(), Silent()
    network.down.engine, network.up.engine = portable, silent
    with watch_layers(network) as records:
        network(grid())
    assert network.down.engine is portable
    assert network.up.engine is silent
    assert records["down"].executed(486) == 27 * 3 * 6
    assert records["up"].executed(486) is None
    assert records["shared"].executed(420) == 420, "a product of matrices is what it counts"


def test_only() -> None:
    assert only([3, 3]) == 3
    assert only([3, 4]) is None
