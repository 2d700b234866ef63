"""SPVNAS and SPVCNN of Tang et al., "Searching Efficient 3D Architectures with SPVConv" (ECCV 2020)."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor, nn

from backbones.output import SegmentationOutput, Stage
from backbones.settings import BackboneSettings
from backbones.sparse.tensor import SparseTensor
from backbones.spvnas.exchange import PointsToVoxels, VoxelsToPoints
from backbones.spvnas.settings import SPVNASSettings
from backbones.trunk import TrunkBackbone, manual_shape
from backbones.voxelize import VoxelBatch


class SPVNAS(TrunkBackbone):
    """The trunk of MinkowskiNet and a branch of points beside it, which hand features to each other.

    A point is the row that stands for a voxel, so there are as many points as voxels. The points' stages z0 … z3 are
    read from the stem, down4, up2 and up4; each but z0 also takes the one before it through a linear layer. They refill
    the voxels before down1, up1 and up3. The head reads z3.

    Args:
        classes: number of scored classes C; the ignored id has no output.
        width: factor on every channel count (1.0 is the published network, 0.5 its student).
        settings: `SPVNASSettings`; its defaults when None.
    """

    Settings: ClassVar[type[BackboneSettings]] = SPVNASSettings

    def __init__(self, classes: int, width: float = 1.0, settings: BackboneSettings | None = None) -> None:
        chosen = SPVNASSettings() if settings is None else SPVNASSettings.model_validate(settings)
        member = manual_shape() if chosen.net_config is None else chosen.net_config.shape()
        super().__init__(classes, member.scaled(width))
        wide = self.stage_channels
        self.point1 = _transform(wide["stem"], wide["down4"])
        self.point2 = _transform(wide["down4"], wide["up2"])
        self.point3 = _transform(wide["up2"], wide["up4"])
        self.devoxelize = VoxelsToPoints(chosen.coordinates)
        self.refill = PointsToVoxels()
        self.dropout = nn.Dropout(chosen.dropout)
        points = {"z0": wide["stem"], "z1": wide["down4"], "z2": wide["up2"], "z3": wide["up4"]}
        self.stage_channels = {**wide, **points}

    def forward(self, voxels: VoxelBatch) -> SegmentationOutput:
        """Segment a batch of voxelised scans; a raw point takes the row of its voxel.

        Args:
            voxels: V voxels of N points, features [V, 4].
        """
        levels, points = self._stages(voxels)
        features, z3 = levels["up4"].features, points["z3"]
        logits: Tensor = self.head(z3)
        stages = {name: Stage(level.features, level.coordinates[:, 0]) for name, level in levels.items()}
        return SegmentationOutput(
            point_logits=voxels.to_points(logits),
            voxel_logits=self.head(features),
            prediction_logits=logits,
            point_features=voxels.to_points(z3),
            voxel_features=features,
            stages=stages | {name: Stage(z, voxels.scan_index) for name, z in points.items()},
        )

    def predict_voxels(self, voxels: VoxelBatch) -> Tensor:
        """Return the logits [V, C] of the point that stands for each voxel."""
        logits: Tensor = self.head(self._stages(voxels)[1]["z3"])
        return logits

    def _stages(self, voxels: VoxelBatch) -> tuple[dict[str, SparseTensor], dict[str, Tensor]]:
        """Run the network up to its head; return the stages of the voxels and those of the points."""
        x = SparseTensor(voxels.features, voxels.coordinates, maps=voxels.maps)
        stem = self.stem(x)
        z0 = self.devoxelize(stem, voxels)
        down1 = self.down1(self.refill(z0, stem, voxels))
        down2 = self.down2(down1)
        down3 = self.down3(down2)
        down4 = self.down4(down3)
        z1 = self.devoxelize(down4, voxels) + self.point1(z0)
        up1 = self.up1(self._refill_and_drop(z1, down4, voxels), down3)
        up2 = self.up2(up1, down2)
        z2 = self.devoxelize(up2, voxels) + self.point2(z1)
        up3 = self.up3(self._refill_and_drop(z2, up2, voxels), down1)
        up4 = self.up4(up3, stem)
        z3 = self.devoxelize(up4, voxels) + self.point3(z2)
        levels = {
            "stem": stem, "down1": down1, "down2": down2, "down3": down3, "down4": down4,
            "up1": up1, "up2": up2, "up3": up3, "up4": up4,
        }  # fmt: skip
        return levels, {"z0": z0, "z1": z1, "z2": z2, "z3": z3}

    def _refill_and_drop(self, points: Tensor, x: SparseTensor, voxels: VoxelBatch) -> SparseTensor:
        refilled: SparseTensor = self.refill(points, x, voxels)
        return refilled.with_features(self.dropout(refilled.features))


def _transform(in_channels: int, out_channels: int) -> nn.Sequential:
    """Return the layer by which one stage of the points enters the next."""
    return nn.Sequential(nn.Linear(in_channels, out_channels), nn.BatchNorm1d(out_channels), nn.ReLU(inplace=True))
