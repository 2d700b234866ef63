"""What training, measuring and distillation may ask of a network, whichever it is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import ClassVar, TypeAlias

from torch import Tensor, nn

from backbones.output import SegmentationOutput
from backbones.points import PointBatch
from backbones.settings import BackboneSettings
from backbones.voxelize import VoxelBatch

Voxelizer: TypeAlias = Callable[[PointBatch], VoxelBatch]


class Backbone(nn.Module, ABC):
    """A segmentation network on voxelised scans, made as ``Kind(classes, width, settings)``.

    Attributes:
        Settings: what it may be told besides its width.
        published_voxel_size_m: edge of a voxel in its published recipe; None for a network with a grid of its own.
        ignored_output: whether released weights have one more output, the first, for the ignored id.
        point_classifier: whether the point logits come from a classifier of their own, which training supervises too.
        training_only: submodules that no prediction uses, counted in neither parameters nor MACs.
        stage_channels: channels of each named stage of its output, in the order of the forward pass.
        middle_stage: the stage halfway through, at the coarsest resolution.
        level_stages: the stages that end a resolution on the way down and back up.
        last_stage: the stage that the classifier of voxels reads.
    """

    Settings: ClassVar[type[BackboneSettings]] = BackboneSettings
    published_voxel_size_m: ClassVar[float | None]
    ignored_output: ClassVar[bool] = False
    point_classifier: bool = False
    training_only: tuple[str, ...] = ()
    stage_channels: Mapping[str, int]
    middle_stage: ClassVar[str] = "down4"
    level_stages: ClassVar[tuple[str, ...]] = (
        "down1", "down2", "down3", "down4", "up1", "up2", "up3", "up4",
    )  # fmt: skip
    last_stage: ClassVar[str] = "up4"

    @classmethod
    @abstractmethod
    def voxelizer(cls, voxel_size_m: float | None, settings: BackboneSettings) -> Voxelizer:
        """Return the function that turns points into the voxels it reads; it can travel to worker processes.

        Args:
            voxel_size_m: edge of a voxel; None for a network with a grid of its own.
            settings: an instance of `Settings`.
        """

    @abstractmethod
    def forward(self, voxels: VoxelBatch) -> SegmentationOutput:
        """Segment a batch of voxelised scans, with everything a distillation method may read."""

    def __call__(self, voxels: VoxelBatch) -> SegmentationOutput:
        """Call `forward` with its types."""
        output: SegmentationOutput = super().__call__(voxels)
        return output

    @abstractmethod
    def predict_voxels(self, voxels: VoxelBatch) -> Tensor:
        """Return the logits [V, C] that the points of each voxel are labelled by.

        Nothing is computed that serves training or distillation alone.
        """

    def predict(self, voxels: VoxelBatch) -> Tensor:
        """Return the logits [N, C] that each raw point is labelled by: what is scored, counted and timed."""
        return voxels.to_points(self.predict_voxels(voxels))
