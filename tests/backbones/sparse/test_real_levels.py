"""Integers of two real scans at 0.05 m, counted independently with the public definition of the network."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import torch

from backbones.points import PointBatch
from backbones.sparse.geometry import Geometry
from backbones.sparse.kernel_map import KernelMapCache
from backbones.voxelize import voxelize_first_point

SITES = {"00": [91852, 60236, 31883, 14454, 5908], "08": [94625, 68931, 42166, 21525, 9522]}
PAIRS_OF_00 = [345532, 365218, 238211, 122064, 54656]
DOWN = Geometry((2, 2, 2), (2, 2, 2), "floor")


def read_points(sequences: tuple[str, ...]) -> PointBatch:
    root = os.environ.get("HARNESS_REAL_DATA")
    if root is None:
        pytest.skip("HARNESS_REAL_DATA is not set")
    files = [Path(root, "semantickitti", "sequences", s, "velodyne", "000000.bin") for s in sequences]
    scans = [torch.from_numpy(np.fromfile(file, dtype=np.float32).reshape(-1, 4)) for file in files]
    rows, index = torch.cat(scans), torch.repeat_interleave(torch.tensor([len(scan) for scan in scans]))
    return PointBatch(rows[:, :3], rows[:, 3], index, None, tuple(f"{s}/000000" for s in sequences))


@pytest.mark.real
@pytest.mark.parametrize("sequences", [("00",), ("08",), ("00", "08")])
def test_sites_and_pairs_of_every_level(sequences: tuple[str, ...]) -> None:
    voxels = voxelize_first_point(read_points(sequences), 0.05)
    coordinates, sites, pairs = voxels.coordinates, [], []
    for _ in range(5):
        sites.append(len(coordinates))
        pairs.append(voxels.maps.submanifold(coordinates, (3, 3, 3)).pairs)
        down = voxels.maps.strided(coordinates, DOWN)
        assert down.pairs == len(coordinates)
        coordinates = down.out_coordinates
    assert sites == [sum(counts) for counts in zip(*(SITES[s] for s in sequences), strict=True)]
    if sequences == ("00",):
        assert pairs == PAIRS_OF_00


@pytest.mark.real
def test_sites_of_a_cylindrical_grid_under_the_window_rule() -> None:
    """Cells of 00/000000 on Cylinder3D's grid 480×360×32, four strided convolutions deep."""
    x, y, z = read_points(("00",)).xyz.numpy().T
    # Float32 polar coordinates, float64 cells and this π are what the released code has.
    polar = np.stack([np.sqrt(x**2 + y**2), np.arctan2(y, x), z], axis=1)
    low, high, grid = np.array([0, -3.1415926, -4]), np.array([50, 3.1415926, 2]), np.array([480, 360, 32])
    cells = np.unique(
        np.floor((np.clip(polar, low, high) - low) / ((high - low) / (grid - 1))).astype(np.int64), axis=0
    )
    coordinates = torch.from_numpy(np.pad(cells, ((0, 0), (1, 0))))
    sites, extents, maps = [len(coordinates)], (480, 360, 32), KernelMapCache()
    for stride in ((2, 2, 2), (2, 2, 2), (2, 2, 1), (2, 2, 1)):
        geometry = Geometry((3, 3, 3), stride, "window")
        coordinates = maps.strided(coordinates, geometry, extents).out_coordinates
        extents = geometry.coarsen(extents)
        sites.append(len(coordinates))
    assert sites == [38576, 32586, 13745, 8458, 3623]
    assert extents == (30, 23, 8)
