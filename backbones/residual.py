"""Parts of the trunk that MinkowskiNet and SPVNAS share: stem, residual blocks, and stages made of them."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

from backbones.sparse.layers import InverseConv, StridedConv, SubmanifoldConv
from backbones.sparse.tensor import SparseTensor

INPUT_CHANNELS = 4
"""x, y, z in metres and intensity of the point that stands for the voxel."""


@dataclass(frozen=True)
class StageShape:
    """Channels of one stage.

    Attributes:
        transition: after the 2³ convolution that enters the stage.
        middles: between the two convolutions of each residual block, one number per block.
        output: after each block.
        projects: whether the first block's shortcut is a convolution even where its width does not change.
    """

    transition: int
    middles: tuple[int, ...]
    output: int
    projects: bool = False

    def scaled(self, width: float) -> StageShape:
        """Return the stage with every channel count times `width`; see `scale`."""
        middles = tuple(scale(middle, width) for middle in self.middles)
        return StageShape(scale(self.transition, width), middles, scale(self.output, width), self.projects)


def scale(channels: int, width: float) -> int:
    """Return `channels` times `width`, rounded down.

    Raises:
        ValueError: nothing is left.
    """
    if (scaled := int(width * channels)) < 1:
        raise ValueError(f"width {width} leaves nothing of a layer of {channels} channels")
    return scaled


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
    """Two 3³ convolutions beside a shortcut, which is a 1³ convolution or nothing."""

    def __init__(self, in_channels: int, middle_channels: int, out_channels: int, projects: bool) -> None:
        super().__init__()
        self.first = Normalised(SubmanifoldConv(in_channels, middle_channels, 3), middle_channels)
        self.second = Normalised(SubmanifoldConv(middle_channels, out_channels, 3), out_channels, relu=False)
        self.shortcut: nn.Module = nn.Identity()
        if projects:
            self.shortcut = Normalised(SubmanifoldConv(in_channels, out_channels, 1), out_channels, relu=False)

    def forward(self, x: SparseTensor) -> SparseTensor:
        """Return relu(second(first(x)) + shortcut(x))."""
        shortcut: SparseTensor = self.shortcut(x)
        y: SparseTensor = self.second(self.first(x))
        # In place, on rows that nothing else holds: fresh memory costs a CPU more than both sums.
        return y.with_features(y.features.add_(shortcut.features).relu_())


class DownStage(nn.Module):
    """A 2³ convolution of stride 2 and residual blocks."""

    def __init__(self, in_channels: int, shape: StageShape) -> None:
        super().__init__()
        self.down = Normalised(StridedConv(in_channels, shape.transition, 2, 2, rule="floor"), shape.transition)
        self.blocks = _blocks(shape.transition, shape)

    def forward(self, x: SparseTensor) -> SparseTensor:
        """Return the next coarser level."""
        y: SparseTensor = self.blocks(self.down(x))
        return y


class UpStage(nn.Module):
    """A 2³ inverse convolution, the skip beside it, and residual blocks."""

    def __init__(self, in_channels: int, skip_channels: int, shape: StageShape) -> None:
        super().__init__()
        self.up = Normalised(InverseConv(in_channels, shape.transition, 2, 2, rule="floor"), shape.transition)
        self.blocks = _blocks(shape.transition + skip_channels, shape)

    def forward(self, coarse: SparseTensor, skip: SparseTensor) -> SparseTensor:
        """Return the sites of `skip`, one level finer than `coarse`."""
        x: SparseTensor = self.up(coarse, skip)
        y: SparseTensor = self.blocks(x.with_features(torch.cat([x.features, skip.features], dim=1)))
        return y


def stem(channels: int) -> nn.Sequential:
    """Return the two 3³ convolutions at the input."""
    return nn.Sequential(
        Normalised(SubmanifoldConv(INPUT_CHANNELS, channels, 3), channels),
        Normalised(SubmanifoldConv(channels, channels, 3), channels),
    )


def _blocks(in_channels: int, shape: StageShape) -> nn.Sequential:
    """Return the residual blocks of a stage; only the first can change the width."""
    blocks = []
    for number, middle in enumerate(shape.middles):
        entering = shape.output if number else in_channels
        projects = entering != shape.output or (shape.projects and number == 0)
        blocks.append(ResidualBlock(entering, middle, shape.output, projects))
    return nn.Sequential(*blocks)
