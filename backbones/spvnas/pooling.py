"""Which points lie in each voxel of a grid, and the mean of their features."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import embedding_bag

from backbones.sparse.packing import join, pack


@dataclass(frozen=True, eq=False)
class Members:
    """The N points of M voxels, voxel by voxel.

    Attributes:
        points: [N] int64, in ascending order within a voxel.
        starts: [M] int64, where the points of each voxel begin.
    """

    points: Tensor
    starts: Tensor

    def mean(self, features: Tensor) -> Tensor:
        """Return the mean [M, C] of the features [N, C] of each voxel's points."""
        return embedding_bag(self.points, features.contiguous(), self.starts, mode="mean")


def find_members(homes: Tensor, coordinates: Tensor) -> Members:
    """Sort points into voxels.

    Args:
        homes: [N, 4] int64 (scan, x, y, z), the voxel each point lies in, which exists.
        coordinates: [M, 4] int64 (scan, x, y, z) of the voxels, sorted by packed key, without duplicates.
    """
    voxel = torch.searchsorted(pack(coordinates), join(homes))
    by_voxel, points = torch.sort(voxel, stable=True)
    return Members(points, torch.searchsorted(by_voxel, torch.arange(len(coordinates), device=voxel.device)))
