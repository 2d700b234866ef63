"""Voxels that fill a grid, one point in each."""

from __future__ import annotations

import torch
from torch import Tensor

from backbones.points import PointBatch
from backbones.voxelize import VoxelBatch


def full_grid(extents: tuple[int, int, int], features: Tensor, voxel_size_m: float | None = None) -> VoxelBatch:
    """Return a batch of one scan whose every cell holds one point with these features [cells, F], x slowest."""
    cells = torch.ones((1, *extents)).nonzero()
    rows = torch.arange(len(cells))
    points = PointBatch(cells[:, 1:].float(), torch.zeros(len(cells)), torch.zeros_like(rows), None, ("00/000000",))
    return VoxelBatch(
        points=points,
        coordinates=cells,
        voxel_of_point=rows,
        features=features,
        labels=None,
        xyz=points.xyz,
        voxel_size_m=voxel_size_m,
        extents=extents,
    )
