"""The student alone: the row every method is compared with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor

from backbones.output import SegmentationOutput
from backbones.voxelize import VoxelBatch
from baselines.method import Method


class NoDistillation(Method):
    """Supervised training without a teacher."""

    needs_teacher: ClassVar[bool] = False

    def forward(
        self,
        student: SegmentationOutput,
        teacher: SegmentationOutput,
        batch: VoxelBatch,
        draws: Sequence[torch.Generator],
    ) -> dict[str, Tensor]:
        """Return no terms."""
        return {}
