from __future__ import annotations

from math import floor

import numpy as np
import numpy.typing as npt
import torch
from hypothesis import given
from hypothesis import strategies as st

from backbones.sparse.kernel_map import pack
from backbones.spvnas.devoxelize import devoxelize
from backbones.spvnas.interpolation import Corners, find_corners

Site = tuple[int, int, int, int]
SITES = st.sets(st.tuples(st.integers(0, 1), *[st.integers(0, 4)] * 3), min_size=1, max_size=60)
POINTS = st.lists(st.tuples(st.integers(0, 1), *[st.integers(0, 40)] * 3), min_size=1, max_size=20)
"""Positions in eighths of a cell, so that many lie on a grid plane."""


def corners_of(points: list[tuple[int, float, float, float]], sites: list[Site]) -> Corners:
    rows = torch.tensor(points)
    return find_corners(rows[:, 0].long(), rows[:, 1:].float(), torch.tensor(sites, dtype=torch.int64))


def brute_force(points: list[tuple[int, float, float, float]], table: dict[Site, npt.NDArray[np.float64]]) -> object:
    """Eight loops over corners in float64; absent corners are left out and the rest divided by their sum."""
    out = []
    for scan, x, y, z in points:
        total, weights = np.zeros(next(iter(table.values())).shape), 0.0
        for dx in (0, 1):
            for dy in (0, 1):
                for dz in (0, 1):
                    corner = (floor(x) + dx, floor(y) + dy, floor(z) + dz)
                    weight = 1.0
                    for position, cell in zip((x, y, z), corner, strict=True):
                        weight *= 1 - abs(position - cell)
                    if (scan, *corner) in table:
                        total += weight * table[scan, *corner]
                        weights += weight
        out.append(total / (weights + 1e-8))
    return np.array(out)


@given(sites=SITES, points=POINTS, seed=st.integers(0, 1000))
def test_interpolation_equals_loops_over_the_corners(sites: set[Site], points: list[Site], seed: int) -> None:
    ordered = sorted(sites)
    features = np.random.default_rng(seed).normal(size=(len(ordered), 3))
    placed = [(scan, x / 8, y / 8, z / 8) for scan, x, y, z in points]
    found = corners_of(placed, ordered)
    read = devoxelize(torch.from_numpy(features), found.voxels, found.starts, found.weights)
    expected = brute_force(placed, dict(zip(ordered, features, strict=True)))
    np.testing.assert_allclose(read.numpy(), expected, rtol=1e-6, atol=1e-6)


def test_corners_count_x_slowest_and_z_fastest() -> None:
    cube = [(0, x, y, z) for x in (2, 3) for y in (4, 5) for z in (6, 7)]
    found = corners_of([(0, 2.5, 4.25, 6.125)], cube)
    assert found.voxels.tolist() == list(range(8))
    shares = [x * y * z for x in (0.5, 0.5) for y in (0.75, 0.25) for z in (0.875, 0.125)]
    torch.testing.assert_close(found.weights, torch.tensor(shares))


def test_a_voxel_sits_at_its_lowest_corner() -> None:
    found = corners_of([(0, 1.0, 1.0, 1.0)], [(0, 0, 1, 1), (0, 1, 1, 1), (0, 2, 1, 1)])
    assert dict(zip(found.voxels.tolist(), found.weights.tolist(), strict=True)) == {1: 1.0, 2: 0.0}


def test_what_falls_on_absent_corners_goes_to_the_others() -> None:
    found = corners_of([(0, 0.25, 0.5, 0.0)], [(0, 0, 0, 0), (0, 1, 0, 0)])
    torch.testing.assert_close(found.weights, torch.tensor([0.75, 0.25]))


def test_a_point_without_any_corner_reads_zeros() -> None:
    found = corners_of([(0, 9.5, 0.0, 0.0), (0, 0.5, 0.0, 0.0), (1, 0.5, 0.0, 0.0)], [(0, 0, 0, 0), (0, 9, 9, 9)])
    read = devoxelize(torch.full((2, 2), 7.0), found.voxels, found.starts, found.weights)
    assert read.tolist() == [[0, 0], [7, 7], [0, 0]]


def test_a_distant_share_is_not_lost_to_the_small_number_in_the_divisor() -> None:
    """A corner of weight 2⁻²⁴ alone still counts, as the released definition has it: 2⁻²⁴ / (2⁻²⁴ + 10⁻⁸)."""
    near = 1 - 2.0**-24
    found = corners_of([(0, near, 0.0, 0.0)], [(0, 0, 0, 0)])
    assert abs(float(found.weights) - 2.0**-24 / (2.0**-24 + 1e-8)) < 1e-6


def test_scans_do_not_see_each_other() -> None:
    sites = [(0, 0, 0, 0), (1, 0, 0, 0)]
    assert corners_of([(1, 0.5, 0.5, 0.5)], sites).voxels.tolist() == [1]


def test_rows_are_found_among_many_voxels() -> None:
    draw = torch.Generator().manual_seed(0)
    sites = torch.randint(0, 30, (4000, 4), generator=draw)
    sites[:, 0] %= 3
    sites = torch.unique(sites, dim=0)
    sites = sites[torch.argsort(pack(sites))]
    found = find_corners(sites[:, 0], sites[:, 1:].float(), sites)
    ends = torch.cat([found.starts[1:], torch.tensor([len(found.voxels)])])
    assert bool((ends > found.starts).all())
    first = found.voxels[found.starts]
    assert torch.equal(first, torch.arange(len(sites)))
    assert torch.equal(found.weights[found.starts], torch.ones(len(sites)))
