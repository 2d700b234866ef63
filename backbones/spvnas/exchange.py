"""How features go from voxels to points and back; tables are made once per stride and shared by all networks."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from backbones.sparse.tensor import SparseTensor
from backbones.spvnas.devoxelize import devoxelize
from backbones.spvnas.interpolation import Corners, find_corners
from backbones.spvnas.pooling import Members, find_members
from backbones.spvnas.settings import PointCoordinates
from backbones.voxelize import VoxelBatch


class VoxelsToPoints(nn.Module):
    """Trilinear reading of a level at the points, one for every voxel of the batch.

    Args:
        coordinates: where the points lie; see `SPVNASSettings`.
    """

    def __init__(self, coordinates: PointCoordinates) -> None:
        super().__init__()
        self.coordinates = coordinates

    def forward(self, x: SparseTensor, voxels: VoxelBatch) -> Tensor:
        """Return [V, C] features of the points.

        Args:
            x: [M, C] features on any level of the batch.
            voxels: V voxels.
        """

        def build() -> Corners:
            cells = self._cells(voxels)
            return find_corners(voxels.scan_index, cells / cells.new_tensor(x.stride), x.coordinates)

        corners = voxels.maps.derived(("spvnas corners", self.coordinates, x.stride), build)
        points: Tensor = devoxelize(x.features, corners.voxels, corners.starts, corners.weights)
        return points

    def _cells(self, voxels: VoxelBatch) -> Tensor:
        """Return the position [V, 3] of each point in float32, in cells of the finest level."""
        cells = voxels.coordinates[:, 1:].to(torch.float32)
        if self.coordinates == "exact":
            return cells
        if voxels.voxel_size_m is None:
            raise ValueError("point coordinates as released need voxels of a Cartesian grid, with their size")
        # The divisor is a tensor because CUDA multiplies by the reciprocal of a plain number, which rounds differently.
        size = cells.new_full((1, 1), voxels.voxel_size_m)
        return cells * size / size


class PointsToVoxels(nn.Module):
    """Mean over the points in each voxel of a level; what the voxels held before is dropped."""

    def forward(self, points: Tensor, x: SparseTensor, voxels: VoxelBatch) -> SparseTensor:
        """Return the level with other features.

        Args:
            points: [V, C] features of the points.
            x: a level of the batch; its features are not read.
            voxels: V voxels.
        """
        if x.coordinates is voxels.coordinates:
            # One point in every voxel of the finest level: the mean is that point.
            return x.with_features(points)

        def build() -> Members:
            step = voxels.coordinates.new_tensor([1, *x.stride])
            return find_members(voxels.coordinates.div(step, rounding_mode="floor"), x.coordinates)

        members = voxels.maps.derived(("spvnas members", x.stride), build)
        return x.with_features(members.mean(points))
