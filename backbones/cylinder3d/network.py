"""Cylinder3D of Zhu et al. (CVPR 2021), with the point branch of Hou et al. (CVPR 2022)."""

from __future__ import annotations

from functools import partial
from typing import ClassVar

from torch import Tensor, nn

from backbones.backbone import Backbone, Voxelizer
from backbones.cylinder3d.blocks import DownBlock, UpBlock
from backbones.cylinder3d.convolution import KeyedConv
from backbones.cylinder3d.ddcm import DDCM
from backbones.cylinder3d.partition import voxelize_cylinder
from backbones.cylinder3d.point_branch import PointBranch
from backbones.cylinder3d.point_mlp import CHANNELS, PointMLP
from backbones.cylinder3d.rulebook import Rulebook, open_rulebook
from backbones.cylinder3d.settings import Cylinder3DSettings, PointChannels
from backbones.cylinder3d.unit import CUBE, PHI_Z, RHO_Z, Crossed
from backbones.output import SegmentationOutput, Stage
from backbones.settings import BackboneSettings
from backbones.sparse.geometry import Triple
from backbones.sparse.tensor import SparseTensor
from backbones.voxelize import VoxelBatch

INITIAL_CHANNELS = 32
"""Channels of the context block at width 1; deeper levels have 2, 4, 8 and 16 times as many."""

STRIDES: tuple[Triple, ...] = ((2, 2, 2), (2, 2, 2), (2, 2, 1), (2, 2, 1))
"""Of the four down blocks."""


class Cylinder3D(Backbone):
    """Asymmetric sparse U-Net on a cylindrical partition with one output per scored class.

    Args:
        classes: number of scored classes C; the ignored id has no output.
        width: factor on every channel count of the convolutions (1.0 is the published network, 0.5 its student).
        settings: a `Cylinder3DSettings`; None for the published network.
    """

    Settings: ClassVar[type[BackboneSettings]] = Cylinder3DSettings
    published_voxel_size_m: ClassVar[float | None] = None
    ignored_output: ClassVar[bool] = True
    last_stage: ClassVar[str] = "ddcm"

    def __init__(self, classes: int, width: float = 1.0, settings: BackboneSettings | None = None) -> None:
        super().__init__()
        self.settings = _own(settings)
        w, inputs = int(INITIAL_CHANNELS * width), self.settings.input_channels
        points = _point_channels(self.settings.point_mlp, width)
        self.stage_channels = {
            "context": w, "down1": 2 * w, "down2": 4 * w, "down3": 8 * w, "down4": 16 * w,
            "up1": 16 * w, "up2": 8 * w, "up3": 4 * w, "up4": 2 * w, "ddcm": 4 * w,
        }  # fmt: skip
        self.point_mlp = PointMLP(points, inputs)
        self.context = Crossed(inputs, w, PHI_Z, RHO_Z, "context")
        self.down1 = DownBlock(w, 2 * w, STRIDES[0], "down1")
        self.down2 = DownBlock(2 * w, 4 * w, STRIDES[1], "down2")
        self.down3 = DownBlock(4 * w, 8 * w, STRIDES[2], "down3")
        self.down4 = DownBlock(8 * w, 16 * w, STRIDES[3], "down4")
        self.up1 = UpBlock(16 * w, 16 * w, STRIDES[3], "up1")
        self.up2 = UpBlock(16 * w, 8 * w, STRIDES[2], "up2")
        self.up3 = UpBlock(8 * w, 4 * w, STRIDES[1], "up3")
        self.up4 = UpBlock(4 * w, 2 * w, STRIDES[0], "up4")
        self.ddcm = DDCM(2 * w, "ddcm")
        self.logits = KeyedConv(4 * w, classes, CUBE, "logits", bias=True)
        self.point_classifier = self.settings.point_branch
        if self.settings.point_branch:
            self.training_only = ("point_branch",)
            self.point_branch: nn.Module = PointBranch(4 * w, points[-1], classes)

    @classmethod
    def voxelizer(cls, voxel_size_m: float | None, settings: BackboneSettings) -> Voxelizer:
        """Return the cylindrical partition; see `Backbone.voxelizer`."""
        return partial(voxelize_cylinder, settings=_own(settings))

    def forward(self, voxels: VoxelBatch) -> SegmentationOutput:
        """Segment a batch of voxelised scans.

        Args:
            voxels: V voxels of N points, features [N, 9].
        """
        point_features, stages, logits = self._run(voxels)
        features = stages["ddcm"].features
        if self.settings.point_branch:
            point_features, point_logits = self.point_branch(point_features, features, voxels.voxel_of_point)
        else:
            point_features, point_logits = voxels.to_points(features), voxels.to_points(logits)
        return SegmentationOutput(
            point_logits=point_logits,
            voxel_logits=logits,
            prediction_logits=logits,
            point_features=point_features,
            voxel_features=features,
            stages={name: Stage(t.features, t.coordinates[:, 0]) for name, t in stages.items()},
        )

    def predict_voxels(self, voxels: VoxelBatch) -> Tensor:
        """Return the logits [V, C] of each voxel."""
        _, _, logits = self._run(voxels)
        return logits

    def _run(self, voxels: VoxelBatch) -> tuple[Tensor, dict[str, SparseTensor], Tensor]:
        """Return the features of points before their maximum [N, F], the stages, and the voxels' logits [V, C]."""
        rulebook = open_rulebook(self.settings.rulebook)
        points, rows = self.point_mlp(voxels.features, voxels.voxel_of_point, len(voxels.coordinates))
        x = SparseTensor(rows, voxels.coordinates, maps=voxels.maps, extents=voxels.extents)
        stages = self._stages(x, rulebook)
        logits: SparseTensor = self.logits(stages["ddcm"], rulebook)
        return points, stages, logits.features

    def _stages(self, x: SparseTensor, rulebook: Rulebook) -> dict[str, SparseTensor]:
        """Run the convolutions up to the logits layer."""
        context = self.context(x, rulebook)
        down1, skip1 = self.down1(context, rulebook)
        down2, skip2 = self.down2(down1, rulebook)
        down3, skip3 = self.down3(down2, rulebook)
        down4, skip4 = self.down4(down3, rulebook)
        up1 = self.up1(down4, skip4, rulebook)
        up2 = self.up2(up1, skip3, rulebook)
        up3 = self.up3(up2, skip2, rulebook)
        up4 = self.up4(up3, skip1, rulebook)
        return {
            "context": context, "down1": down1, "down2": down2, "down3": down3, "down4": down4,
            "up1": up1, "up2": up2, "up3": up3, "up4": up4, "ddcm": self.ddcm(up4, rulebook),
        }  # fmt: skip


def _point_channels(kind: PointChannels, width: float) -> tuple[int, ...]:
    """Return the channels of the point MLP; see `Cylinder3DSettings`."""
    *hidden, last = CHANNELS
    inner, outer = width if kind == "scaled" else 1.0, 1.0 if kind == "full" else width
    return (*(int(inner * channels) for channels in hidden), int(outer * last))


def _own(settings: BackboneSettings | None) -> Cylinder3DSettings:
    """Return the settings as this network's own kind.

    Raises:
        TypeError: they belong to another network.
    """
    if settings is None:
        return Cylinder3DSettings()
    if not isinstance(settings, Cylinder3DSettings):
        raise TypeError(f"Cylinder3D takes Cylinder3DSettings, not {type(settings).__name__}")
    return settings
