"""Where a point finds its features on a grid: the voxels at the eight corners of its cell, and their weights."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from backbones.sparse.geometry import Geometry
from backbones.sparse.packing import pack
from backbones.sparse.pairs import find_pairs

CORNERS = Geometry((2, 2, 2))
"""The corners ⌊p⌋ + {0, 1}³ of a point p, x slowest and z fastest."""

TINY = 1e-8
"""What the released code adds to the sum of a point's weights before it divides by it."""


@dataclass(frozen=True, eq=False)
class Corners:
    """The P occupied corners around N points, point by point.

    Attributes:
        voxels: [P] int64, the voxel at each corner.
        starts: [N] int64, where the corners of each point begin; a point may have none.
        weights: [P] float32, those of a point sum to 1.
    """

    voxels: Tensor
    starts: Tensor
    weights: Tensor


def find_corners(scan_index: Tensor, cells: Tensor, coordinates: Tensor) -> Corners:
    """Return the trilinear weights of points among voxels whose features sit at their lowest corner.

    The weight of a corner is the product over the axes of 1 − |point − corner|; what falls on absent corners goes to
    the others in proportion.

    Args:
        scan_index: [N] int64.
        cells: [N, 3] float, position of each point in cells of the voxels' grid, ≥ 0.
        coordinates: [M, 4] int64 (scan, x, y, z) of the voxels, sorted by packed key, without duplicates.
    """
    lowest = torch.floor(cells)
    homes = torch.cat([scan_index[:, None], lowest.long()], dim=1)
    voxels, points, counts = find_pairs(pack(coordinates), homes, CORNERS)
    corners = torch.repeat_interleave(torch.tensor(counts, device=points.device))
    found = voxels.new_full((CORNERS.volume, len(cells)), -1)
    found[corners, points] = voxels
    present = found >= 0
    weights = torch.where(present, _products(lowest + 1 - cells, cells - lowest), 0)
    weights /= weights.sum(0) + TINY
    by_point, many = present.t(), present.sum(0)
    return Corners(found.t()[by_point], torch.cumsum(many, 0) - many, weights.t()[by_point])


def _products(low: Tensor, high: Tensor) -> Tensor:
    """Return the weights [8, N] of all corners from those [N, 3] of the lower and the upper one on each axis."""
    x, y, z = torch.stack([low, high]).unbind(2)
    return (x[:, None, None] * y[None, :, None] * z[None, None, :]).flatten(0, 2)
