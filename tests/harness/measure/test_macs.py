from __future__ import annotations

import torch

from backbones.build import build_backbone
from backbones.points import PointBatch
from backbones.voxelize import voxelize_first_point
from harness.measure.macs import MacsCount, count_macs, summarise


def voxels(n: int = 300):
    draw = torch.Generator().manual_seed(0)
    xyz = torch.rand(n, 3, generator=draw) * 5
    return voxelize_first_point(PointBatch(xyz, xyz[:, 0], torch.zeros(n, dtype=torch.int64), None, ("a",)), 0.5)


def pairs_by_loops(coordinates: torch.Tensor) -> int:
    """Pairs of a submanifold 3³ kernel: ordered pairs of sites at most one cell apart."""
    sites = {tuple(row) for row in coordinates[:, 1:].tolist()}
    steps = [(x, y, z) for x in (-1, 0, 1) for y in (-1, 0, 1) for z in (-1, 0, 1)]
    return sum((x + dx, y + dy, z + dz) in sites for x, y, z in sites for dx, dy, dz in steps)


def test_a_layers_macs_are_pairs_times_channels() -> None:
    batch = voxels()
    network = build_backbone("minkowskinet", 0.25, 7)
    count = count_macs(network, batch)
    pairs = pairs_by_loops(batch.coordinates)
    assert count.layers["stem.0.convolution"] == pairs * 4 * 8
    assert count.layers["stem.1.convolution"] == pairs * 8 * 8
    assert count.layers["down1.down.convolution"] == len(batch.coordinates) * 8 * 8
    assert count.layers["head"] == len(batch.coordinates) * 24 * 7
    assert sum(count.layers.values()) == count.total
    assert count.kinds == {
        "convolution": count.total - count.layers["head"], "linear": count.layers["head"], "interpolation": 0
    }  # fmt: skip
    assert count.voxels == tuple(len(level) for level in batch.maps.levels)


def test_counting_leaves_the_network_as_it_was() -> None:
    network = build_backbone("minkowskinet", 0.125, 7).train()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    count_macs(network, voxels())
    assert network.training
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())


def test_half_the_width_is_a_quarter_of_the_macs() -> None:
    whole, half = (count_macs(build_backbone("minkowskinet", width, 19), voxels()).total for width in (1.0, 0.5))
    assert 0.24 < half / whole < 0.28


def test_summary_over_scans() -> None:
    result = summarise([MacsCount(2_000_000_000, {}, {}, (10, 5)), MacsCount(4_000_000_000, {}, {}, (30, 5))])
    assert (result.gmacs_mean, result.gmacs_min, result.gmacs_max) == (3.0, 2.0, 4.0)
    assert (result.scans, result.voxels_mean) == (2, 20.0)
