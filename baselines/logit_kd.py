"""Logit distillation: the student's class distribution follows the teacher's (Hinton, Vinyals and Dean 2015)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor

from backbones.output import SegmentationOutput
from backbones.voxelize import VoxelBatch
from baselines.divergence import divergence_rows
from baselines.method import Method, MethodContext, MethodSettings
from baselines.per_scan import labelled_rows, mean_per_scan


class LogitKDSettings(MethodSettings):
    """Settings of logit distillation.

    The default adds the term to the full supervised loss. The convex preset is ``weight: 0.9, supervised_weight: 0.1``.

    Attributes:
        temperature: T, softens both distributions; the term is scaled by T².
        weight: factor of the term.
        supervised_weight: factor of the supervised loss.
        rows: whose logits are compared. ``voxels``: the rows that predict, one for each voxel; those of SPVNAS come
            from its points, of which there is one in a voxel. ``points``: raw points.
        labelled_only: leave out rows whose label is ignored; by default every active row counts.
    """

    temperature: float = Field(default=4.0, gt=0)
    weight: float = Field(default=1.0, ge=0)
    supervised_weight: float = Field(default=1.0, ge=0)
    rows: Literal["points", "voxels"] = "voxels"
    labelled_only: bool = False


class LogitKD(Method):
    """Logit distillation: the student's class distribution follows the teacher's.

    T²·KL(softmax(t/T) ‖ softmax(s/T)), mean over the rows of each scan, then over the scans.
    """

    Settings: ClassVar[type[MethodSettings]] = LogitKDSettings

    def __init__(self, settings: LogitKDSettings, context: MethodContext) -> None:
        super().__init__(settings, context)
        self.settings = settings
        self.supervised_weight = settings.supervised_weight

    def forward(
        self,
        student: SegmentationOutput,
        teacher: SegmentationOutput,
        batch: VoxelBatch,
        draws: Sequence[torch.Generator],
    ) -> dict[str, Tensor]:
        """Return the weighted ``logits`` term."""
        settings = self.settings
        if settings.rows == "points":
            logits, targets = student.point_logits, teacher.point_logits
            labels, scan_index = batch.points.labels, batch.points.scan_index
        else:
            logits, targets = student.prediction_logits, teacher.prediction_logits
            labels, scan_index = batch.labels, batch.scan_index
        divergence = divergence_rows(targets.detach(), logits, settings.temperature)
        counted = labelled_rows(labels) if settings.labelled_only else None
        return {"logits": settings.weight * mean_per_scan(divergence, scan_index, batch.points.scans, counted)}
