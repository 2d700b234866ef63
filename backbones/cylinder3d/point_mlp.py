"""The network on points that makes the features of Cylinder3D's voxels."""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor, nn
from torch.nn.functional import relu

from backbones.cylinder3d.partition import INPUT_FEATURES
from backbones.reduction import segment_max

CHANNELS = (64, 128, 256, 256)
"""Channels of the four linear layers; the last is a point's feature."""


class PointMLP(nn.Module):
    """Points to voxels: four linear layers, the maximum over a voxel's points, one more linear layer.

    The first three layers have batch normalisation and ReLU; the last has neither, so that a maximum may be negative.

    Args:
        channels: of the four layers.
        voxel_channels: of a voxel.
    """

    def __init__(self, channels: tuple[int, ...], voxel_channels: int) -> None:
        super().__init__()
        *hidden, last = channels
        self.norm = nn.BatchNorm1d(INPUT_FEATURES)
        self.hidden = nn.Sequential()
        for wide, narrow in pairwise((INPUT_FEATURES, *hidden)):
            self.hidden.extend([nn.Linear(wide, narrow), nn.BatchNorm1d(narrow), nn.ReLU(inplace=True)])
        self.last = nn.Linear(hidden[-1], last)
        self.compression = nn.Linear(last, voxel_channels)

    def forward(self, features: Tensor, voxel_of_point: Tensor, voxels: int) -> tuple[Tensor, Tensor]:
        """Return the features of points [N, F], in their order, and of voxels [V, F'].

        Args:
            features: [N, 9] float32.
            voxel_of_point: [N] int64.
            voxels: number of voxels V.
        """
        points = self.last(self.hidden(self.norm(features)))
        return points, relu(self.compression(segment_max(points, voxel_of_point, voxels)))
