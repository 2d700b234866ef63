"""The point branch, which classifies single points for training and distillation.

After Hou et al., "Point-to-Voxel Knowledge Distillation for LiDAR Semantic Segmentation" (CVPR 2022).
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn.functional import leaky_relu

from backbones.cylinder3d.unit import NEGATIVE_SLOPE


class PointBranch(nn.Module):
    """A classifier of points that adds what their voxel knows to what they know themselves.

    Args:
        voxel_channels: F' of a voxel's feature.
        point_channels: F of a point's feature.
        classes: C.
    """

    def __init__(self, voxel_channels: int, point_channels: int, classes: int) -> None:
        super().__init__()
        self.lift = nn.Linear(voxel_channels, point_channels)
        self.norm = nn.BatchNorm1d(point_channels)
        self.classifier = nn.Linear(point_channels, classes)

    def forward(self, points: Tensor, voxels: Tensor, voxel_of_point: Tensor) -> tuple[Tensor, Tensor]:
        """Return the features [N, F] and the logits [N, C] of points.

        Args:
            points: [N, F].
            voxels: [V, F'].
            voxel_of_point: [N] int64.
        """
        # A linear layer on voxels and then the gather gives what the gather and then the layer would, for less.
        gathered = self.lift(voxels).index_select(0, voxel_of_point)
        features = points + leaky_relu(self.norm(gathered), NEGATIVE_SLOPE, inplace=True)
        return features, self.classifier(features)
