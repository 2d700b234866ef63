"""MinkowskiNet: the MinkUNet18 of Tang et al., "Searching Efficient 3D Architectures with SPVConv" (ECCV 2020)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from backbones.backbone import Backbone
from backbones.output import SegmentationOutput, Stage
from backbones.sparse.layers import InverseConv, StridedConv, SubmanifoldConv
from backbones.sparse.tensor import SparseTensor
from backbones.voxelize import VoxelBatch

CHANNELS = (32, 32, 64, 128, 256, 256, 128, 96, 96)
"""Channels at width 1: the stem, four down stages, four up stages."""

INPUT_CHANNELS = 4
"""x, y, z in metres and intensity of the point that stands for the voxel."""


class Normalised(nn.Module):
    """A sparse convolution followed by batch normalisation and, unless told otherwise, ReLU."""

    def __init__(
        self, convolution: SubmanifoldConv | StridedConv | InverseConv, channels: int, relu: bool = True
    ) -> None:
        super().__init__()
        self.convolution = convolution
        self.norm = nn.BatchNorm1d(channels)
        self.activation: nn.Module = nn.ReLU(inplace=True) if relu else nn.Identity()

    def forward(self, *tensors: SparseTensor) -> SparseTensor:
        """Convolve, then normalise the rows of the result."""
        x: SparseTensor = self.convolution(*tensors)
        return x.with_features(self.activation(self.norm(x.features)))


class ResidualBlock(nn.Module):
    """Two 3³ convolutions beside a shortcut, which is a 1³ convolution where the width changes."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.first = Normalised(SubmanifoldConv(in_channels, out_channels, 3), out_channels)
        self.second = Normalised(SubmanifoldConv(out_channels, out_channels, 3), out_channels, relu=False)
        self.shortcut: nn.Module = nn.Identity()
        if in_channels != out_channels:
            self.shortcut = Normalised(SubmanifoldConv(in_channels, out_channels, 1), out_channels, relu=False)

    def forward(self, x: SparseTensor) -> SparseTensor:
        """Return relu(second(first(x)) + shortcut(x))."""
        shortcut: SparseTensor = self.shortcut(x)
        y: SparseTensor = self.second(self.first(x))
        return y.with_features(torch.relu(y.features + shortcut.features))


class DownStage(nn.Module):
    """A 2³ convolution of stride 2 and two residual blocks."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.down = Normalised(StridedConv(in_channels, in_channels, 2, 2, rule="floor"), in_channels)
        self.blocks = nn.Sequential(ResidualBlock(in_channels, out_channels), ResidualBlock(out_channels, out_channels))

    def forward(self, x: SparseTensor) -> SparseTensor:
        """Return the next coarser level."""
        y: SparseTensor = self.blocks(self.down(x))
        return y


class UpStage(nn.Module):
    """A 2³ inverse convolution, the skip beside it, and two residual blocks."""

    def __init__(self, in_channels: int, skip_channels: int, out_channels: int) -> None:
        super().__init__()
        self.up = Normalised(InverseConv(in_channels, out_channels, 2, 2, rule="floor"), out_channels)
        self.blocks = nn.Sequential(
            ResidualBlock(out_channels + skip_channels, out_channels), ResidualBlock(out_channels, out_channels)
        )

    def forward(self, coarse: SparseTensor, skip: SparseTensor) -> SparseTensor:
        """Return the sites of `skip`, one level finer than `coarse`."""
        x: SparseTensor = self.up(coarse, skip)
        y: SparseTensor = self.blocks(x.with_features(torch.cat([x.features, skip.features], dim=1)))
        return y


class MinkowskiNet(Backbone):
    """A sparse residual U-Net on Cartesian voxels with one output per scored class.

    Args:
        classes: number of scored classes C; the ignored id has no output.
        width: factor on every channel count (1.0 is the published network, 0.5 its student).
    """

    def __init__(self, classes: int, width: float = 1.0) -> None:
        super().__init__()
        stem, *levels = (int(width * channels) for channels in CHANNELS)
        down1, down2, down3, down4, up1, up2, up3, up4 = levels
        self.stage_channels = {
            "stem": stem, "down1": down1, "down2": down2, "down3": down3, "down4": down4,
            "up1": up1, "up2": up2, "up3": up3, "up4": up4,
        }  # fmt: skip
        self.stem = nn.Sequential(
            Normalised(SubmanifoldConv(INPUT_CHANNELS, stem, 3), stem), Normalised(SubmanifoldConv(stem, stem, 3), stem)
        )
        self.down1 = DownStage(stem, down1)
        self.down2 = DownStage(down1, down2)
        self.down3 = DownStage(down2, down3)
        self.down4 = DownStage(down3, down4)
        self.up1 = UpStage(down4, down3, up1)
        self.up2 = UpStage(up1, down2, up2)
        self.up3 = UpStage(up2, down1, up3)
        self.up4 = UpStage(up3, stem, up4)
        self.head = nn.Linear(up4, classes)

    def forward(self, voxels: VoxelBatch) -> SegmentationOutput:
        """Segment a batch of voxelised scans; a raw point takes the row of its voxel.

        Args:
            voxels: V voxels of N points, features [V, 4].
        """
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
        stages = {
            "stem": stem, "down1": down1, "down2": down2, "down3": down3, "down4": down4,
            "up1": up1, "up2": up2, "up3": up3, "up4": up4,
        }  # fmt: skip
        logits: Tensor = self.head(up4.features)
        # index_select, since the gradient of plain indexing is summed in an order that varies with several threads.
        return SegmentationOutput(
            point_logits=logits.index_select(0, voxels.voxel_of_point),
            voxel_logits=logits,
            point_features=up4.features.index_select(0, voxels.voxel_of_point),
            voxel_features=up4.features,
            stages={name: Stage(t.features, t.coordinates[:, 0]) for name, t in stages.items()},
        )
