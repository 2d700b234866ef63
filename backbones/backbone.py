"""What training, measuring and distillation may ask of a network, whichever it is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping

from torch import nn

from backbones.output import SegmentationOutput
from backbones.voxelize import VoxelBatch


class Backbone(nn.Module, ABC):
    """A segmentation network on voxelised scans.

    Attributes:
        stage_channels: channels of each named stage of its output, in the order of the forward pass.
    """

    stage_channels: Mapping[str, int]

    @abstractmethod
    def forward(self, voxels: VoxelBatch) -> SegmentationOutput:
        """Segment a batch of voxelised scans."""

    def __call__(self, voxels: VoxelBatch) -> SegmentationOutput:
        """Call `forward` with its types."""
        output: SegmentationOutput = super().__call__(voxels)
        return output
