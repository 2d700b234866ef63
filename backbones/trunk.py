"""The trunk that MinkowskiNet and SPVNAS share, of Tang et al., "Searching Efficient 3D Architectures" (ECCV 2020)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import nn

from backbones.backbone import Backbone, Voxelizer
from backbones.residual import DownStage, StageShape, UpStage, scale, stem
from backbones.settings import BackboneSettings
from backbones.voxelize import first_point_voxelizer


@dataclass(frozen=True)
class TrunkShape:
    """Channels of a whole trunk.

    Attributes:
        stem: after both convolutions of the stem.
        downs: the four stages towards the coarsest level, finest first.
        ups: the four stages back, coarsest first.
    """

    stem: int
    downs: tuple[StageShape, ...]
    ups: tuple[StageShape, ...]

    @property
    def stage_channels(self) -> dict[str, int]:
        """Output channels by the name of the stage, in the order of the forward pass."""
        downs = {f"down{number}": stage.output for number, stage in enumerate(self.downs, 1)}
        ups = {f"up{number}": stage.output for number, stage in enumerate(self.ups, 1)}
        return {"stem": self.stem, **downs, **ups}

    def scaled(self, width: float) -> TrunkShape:
        """Return the shape with every channel count times `width`, rounded down.

        Raises:
            ValueError: a layer would have no channel.
        """
        downs, ups = (tuple(stage.scaled(width) for stage in stages) for stages in (self.downs, self.ups))
        return TrunkShape(scale(self.stem, width), downs, ups)


def manual_shape() -> TrunkShape:
    """Return the shape of MinkUNet18 and SPVCNN, the members drawn by hand: two residual blocks in every stage."""
    stem_channels, *outputs = (32, 32, 64, 128, 256, 256, 128, 96, 96)
    # A down stage enters with the width of the stage before it, an up stage with its own.
    entries = [stem_channels, *outputs[:3], *outputs[4:]]
    stages = tuple(StageShape(entry, (out, out), out) for entry, out in zip(entries, outputs, strict=True))
    return TrunkShape(stem_channels, stages[:4], stages[4:])


class TrunkBackbone(Backbone):
    """A residual U-Net on Cartesian voxels; what is computed with its modules is left to the network.

    Args:
        classes: number of scored classes C; the ignored id has no output.
        shape: channels of every layer.
    """

    published_voxel_size_m: ClassVar[float | None] = 0.05

    def __init__(self, classes: int, shape: TrunkShape) -> None:
        super().__init__()
        (down1, down2, down3, down4), (up1, up2, up3, up4) = shape.downs, shape.ups
        self.stage_channels = shape.stage_channels
        self.stem = stem(shape.stem)
        self.down1 = DownStage(shape.stem, down1)
        self.down2 = DownStage(down1.output, down2)
        self.down3 = DownStage(down2.output, down3)
        self.down4 = DownStage(down3.output, down4)
        self.up1 = UpStage(down4.output, down3.output, up1)
        self.up2 = UpStage(up1.output, down2.output, up2)
        self.up3 = UpStage(up2.output, down1.output, up3)
        self.up4 = UpStage(up3.output, shape.stem, up4)
        self.head = nn.Linear(up4.output, classes)

    @classmethod
    def voxelizer(cls, voxel_size_m: float | None, settings: BackboneSettings) -> Voxelizer:
        """Return the voxelisation by first points; see `Backbone.voxelizer`."""
        return first_point_voxelizer(voxel_size_m)
