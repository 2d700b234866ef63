"""MinkowskiNet: the MinkUNet18 of Tang et al., "Searching Efficient 3D Architectures with SPVConv" (ECCV 2020)."""

from __future__ import annotations

from torch import Tensor

from backbones.output import SegmentationOutput, Stage
from backbones.settings import BackboneSettings
from backbones.sparse.tensor import SparseTensor
from backbones.trunk import TrunkBackbone, manual_shape
from backbones.voxelize import VoxelBatch


class MinkowskiNet(TrunkBackbone):
    """A sparse residual U-Net on Cartesian voxels with one output per scored class.

    Args:
        classes: number of scored classes C; the ignored id has no output.
        width: factor on every channel count (1.0 is the published network, 0.5 its student).
        settings: none.
    """

    def __init__(self, classes: int, width: float = 1.0, settings: BackboneSettings | None = None) -> None:
        super().__init__(classes, manual_shape().scaled(width))

    def forward(self, voxels: VoxelBatch) -> SegmentationOutput:
        """Segment a batch of voxelised scans; a raw point takes the row of its voxel.

        Args:
            voxels: V voxels of N points, features [V, 4].
        """
        stages = self._stages(voxels)
        features = stages["up4"].features
        logits: Tensor = self.head(features)
        return SegmentationOutput(
            point_logits=voxels.to_points(logits),
            voxel_logits=logits,
            prediction_logits=logits,
            point_features=voxels.to_points(features),
            voxel_features=features,
            stages={name: Stage(t.features, t.coordinates[:, 0]) for name, t in stages.items()},
        )

    def predict_voxels(self, voxels: VoxelBatch) -> Tensor:
        """Return the logits [V, C] of each voxel."""
        logits: Tensor = self.head(self._stages(voxels)["up4"].features)
        return logits

    def _stages(self, voxels: VoxelBatch) -> dict[str, SparseTensor]:
        """Run the network up to its head."""
        x = SparseTensor(voxels.features, voxels.coordinates, maps=voxels.maps)
        stem = self.stem(x)
        down1 = self.down1(stem)
        down2 = self.down2(down1)
        down3 = self.down3(down2)
        down4 = self.down4(down3)
        up1 = self.up1(down4, down3)
        up2 = self.up2(up1, down2)
        up3 = self.up3(up2, down1)
        up4 = self.up4(up3, stem)
        return {
            "stem": stem, "down1": down1, "down2": down2, "down3": down3, "down4": down4,
            "up1": up1, "up2": up2, "up3": up3, "up4": up4,
        }  # fmt: skip
