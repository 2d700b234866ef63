"""The interface of a distillation method: one class, one file, no knowledge of backbones or of the training loop."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from pydantic import BaseModel, ConfigDict
from torch import Tensor, nn

from backbones.output import SegmentationOutput
from backbones.voxelize import VoxelBatch


class MethodSettings(BaseModel):
    """Settings of a method; an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


@dataclass(frozen=True)
class MethodContext:
    """What a method may know before training starts.

    Attributes:
        class_counts: labelled points of the training set by class id, [C + 1]; entry 0 counts the ignored points.
        student_stages: channels of each named stage of the student.
        teacher_stages: channels of each named stage of the teacher; the names are the same.
        middle_stage: the stage halfway through both networks.
        level_stages: the stages that end a resolution on the way down and back up.
        last_stage: the stage that the classifier of voxels reads.
        student_features: channels of the rows that the student's classifier reads, one row per voxel.
        teacher_features: the same of the teacher.
    """

    class_counts: tuple[int, ...]
    student_stages: Mapping[str, int]
    teacher_stages: Mapping[str, int]
    middle_stage: str
    level_stages: tuple[str, ...]
    last_stage: str
    student_features: int
    teacher_features: int


class Method(nn.Module, ABC):
    """A distillation method.

    A subclass names its settings (`Settings`) and computes its terms in `forward`. Trainable adapters are ordinary
    submodules: they are optimised and checkpointed with the student, and counted in neither its parameters nor MACs.
    With `needs_teacher` False the student is trained alone, and `forward` is never called.

    Args:
        settings: a validated instance of `Settings`.
        context: facts about the data and the two networks.

    Attributes:
        supervised_weight: what the training loop multiplies the supervised loss by, so that a method may publish a
            convex mix of supervision and distillation.
    """

    Settings: ClassVar[type[MethodSettings]] = MethodSettings
    needs_teacher: ClassVar[bool] = True
    supervised_weight: float = 1.0

    def __init__(self, settings: MethodSettings, context: MethodContext) -> None:
        super().__init__()

    @abstractmethod
    def forward(
        self,
        student: SegmentationOutput,
        teacher: SegmentationOutput,
        batch: VoxelBatch,
        draws: Sequence[torch.Generator],
    ) -> dict[str, Tensor]:
        """Return the method's loss terms by name, each a scalar already multiplied by its weight.

        Args:
            student: outputs with gradients.
            teacher: outputs of the frozen teacher for the same voxels in the same order.
            batch: the voxels and points both networks saw, with labels.
            draws: one CPU generator per scan, a pure function of (seed, epoch, scan id).
        """
