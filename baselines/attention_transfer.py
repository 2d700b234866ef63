"""Attention transfer: where in the scan the networks are active (Zagoruyko and Komodakis, ICLR 2017)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor

from backbones.output import SegmentationOutput
from backbones.voxelize import VoxelBatch
from baselines.directions import unit_rows
from baselines.method import Method, MethodContext, MethodSettings
from baselines.stages import chosen_stages, stage_pairs

Reduction = Literal["mean", "sum"]


class AttentionTransferSettings(MethodSettings):
    """Settings of attention transfer; the defaults are those of the authors' code.

    Attributes:
        weight: factor of the term of every stage.
        stages: whose attention is compared; None for those that end a resolution.
        power: p, the exponent of a channel's magnitude.
        reduction: ``mean``: the squared differences are averaged over the rows of a scan, as published, and lie between
            0 and 2 divided by the rows: images of the publication have 64 to 1024 positions, scans tens of thousands of
            rows. ``sum``: they are added up, between 0 and 2 for any number of rows; with a weight of 1000 this
            overwhelms the supervised loss.
    """

    weight: float = Field(default=1000.0, ge=0)
    stages: tuple[str, ...] | None = None
    power: int = Field(default=2, ge=1, le=4)
    reduction: Reduction = "mean"


class AttentionTransfer(Method):
    """Attention transfer: the rows on which a stage is active are those on which the teacher's is.

    Σ over the stages of mean_j (Q_S(j)/‖Q_S‖ − Q_T(j)/‖Q_T‖)², where Q(j) is the mean of |feature|^p over the channels
    of row j and ‖Q‖ its length over the rows of the scan; then the mean over the scans. Re-read in the authors' code
    (szagoruyko/attention-transfer: p = 2, weight 1000, mean), of which RepDistiller and mdistiller make p a setting.
    The paper's equation 2 is recalled: β/2 times the length itself, not its square, and not divided by the rows.
    """

    Settings: ClassVar[type[MethodSettings]] = AttentionTransferSettings

    def __init__(self, settings: AttentionTransferSettings, context: MethodContext) -> None:
        super().__init__(settings, context)
        self.settings = settings
        stages = chosen_stages(settings.stages, context.level_stages, context)
        self.stages = stages if settings.weight else ()

    def forward(
        self,
        student: SegmentationOutput,
        teacher: SegmentationOutput,
        batch: VoxelBatch,
        draws: Sequence[torch.Generator],
    ) -> dict[str, Tensor]:
        """Return the weighted term of each stage as ``attention_<stage>``."""
        settings, terms = self.settings, {}
        for name, rows, targets, scan_index in stage_pairs(self.stages, student, teacher):
            given, wanted = (attention(features, settings.power) for features in (rows, targets))
            error = attention_error(given, wanted, scan_index, batch.points.scans, settings.reduction)
            terms[f"attention_{name}"] = settings.weight * error
        return terms


def attention(features: Tensor, power: int) -> Tensor:
    """Return Q, the mean of |feature|^p over the channels of each row, [M], in at least float32.

    Args:
        features: [M, F] float.
        power: p.
    """
    wide = features.to(torch.promote_types(features.dtype, torch.float32))
    return (wide if power % 2 == 0 else wide.abs()).pow(power).mean(dim=1)


def attention_error(
    student: Tensor, teacher: Tensor, scan_index: Tensor, scans: int, reduction: Reduction = "mean"
) -> Tensor:
    """Return the squared difference of the normalised attention of each scan, mean over the scans; a scalar.

    Attention that is zero on all rows of a scan has no direction: it stays zero and gets no gradient. A scan without
    rows adds zero, and equal inputs give exactly zero.

    Args:
        student: [M] float, with gradients.
        teacher: [M] float, of the same rows.
        scan_index: [M] int64, the scan of each row.
        scans: number of scans in the batch.
        reduction: over the rows of a scan.
    """
    total = student.new_zeros(())
    for scan in range(scans):
        rows = (scan_index == scan).nonzero().squeeze(1)
        given, wanted = (unit_rows(values.index_select(0, rows)[None]) for values in (student, teacher))
        error = (given - wanted).square().sum()
        total = total + (error / max(len(rows), 1) if reduction == "mean" else error)
    return total / scans
