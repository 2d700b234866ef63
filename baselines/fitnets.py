"""FitNets: the student's features, linearly regressed, are the teacher's (Romero et al., ICLR 2015)."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn

from backbones.output import SegmentationOutput
from backbones.voxelize import VoxelBatch
from baselines.method import Method, MethodContext, MethodSettings
from baselines.stages import chosen_stages, stage_pairs

EPSILON = 1e-5
"""Added to the variance, as in batch normalisation."""


class FitNetsSettings(MethodSettings):
    """Settings of FitNets.

    The weight is that of the public code, which has it at a learning rate of 0.05; under SGD at 0.24 use 10. The
    literal form, ``normalised: false, scaled: false``, diverges there within a few steps (``docs/methods.md``).

    Attributes:
        weight: factor of the term of every hint.
        stages: whose features are hints; None for the middle one.
        normalised: each output of the regressor is normalised over the rows of a scan, then multiplied and shifted by
            trained numbers: the batch normalisation of the public code, with the statistics of one scan.
        scaled: the teacher's features are divided by their root mean square over a scan, so that a weight means the
            same for every teacher.
    """

    weight: float = Field(default=100.0, ge=0)
    stages: tuple[str, ...] | None = None
    normalised: bool = True
    scaled: bool = True


class FitNets(Method):
    """FitNets: the student's features at a middle stage, linearly regressed, are the teacher's.

    Mean over the rows and channels of a scan of (regressor(F_S) − F_T)², then over the scans. The regressor is trained
    with the student, and the student with all its terms at once, as in RepDistiller and mdistiller (re-read: a
    convolution with bias, batch normalisation and ReLU, weight 100); the paper (recalled) and torchdistill first train
    the student up to the hint with the hint alone. There is no ReLU here, since Cylinder3D's features may be
    negative.
    """

    Settings: ClassVar[type[MethodSettings]] = FitNetsSettings

    def __init__(self, settings: FitNetsSettings, context: MethodContext) -> None:
        super().__init__(settings, context)
        self.settings = settings
        stages = chosen_stages(settings.stages, (context.middle_stage,), context)
        self.regressors = nn.ModuleDict()
        for name in stages if settings.weight else ():
            widths = context.student_stages[name], context.teacher_stages[name]
            self.regressors[name] = hint_regressor(*widths, settings.normalised)

    def forward(
        self,
        student: SegmentationOutput,
        teacher: SegmentationOutput,
        batch: VoxelBatch,
        draws: Sequence[torch.Generator],
    ) -> dict[str, Tensor]:
        """Return the weighted term of each hint as ``hint_<stage>``."""
        settings, scans, terms = self.settings, batch.points.scans, {}
        for name, rows, hints, scan_index in stage_pairs(tuple(self.regressors), student, teacher):
            error = hint_error(self.regressors[name], rows, hints, scan_index, scans, settings.scaled)
            terms[f"hint_{name}"] = settings.weight * error
        return terms


class ScanNormalisation(nn.Module):
    """Batch normalisation of the rows of one scan, which leaves nothing to remember for other scans.

    Args:
        channels: C of the rows.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.ones(channels))
        self.shift = nn.Parameter(torch.zeros(channels))

    def forward(self, rows: Tensor) -> Tensor:
        """Return gain·(rows − mean)/√(variance + ε) + shift by channel, [n, C]; a single row becomes the shift."""
        variance, mean = torch.var_mean(rows, dim=0, correction=0)
        return (rows - mean) * (variance + EPSILON).rsqrt() * self.gain + self.shift


def hint_regressor(student_channels: int, teacher_channels: int, normalised: bool) -> nn.Module:
    """Return the linear map of a hint; normalised, it has no bias, which the mean would take away again."""
    linear = nn.Linear(student_channels, teacher_channels, bias=not normalised)
    if not normalised:
        return linear
    return nn.Sequential(OrderedDict(linear=linear, norm=ScanNormalisation(teacher_channels)))


def hint_error(
    regressor: Callable[[Tensor], Tensor],
    student: Tensor,
    teacher: Tensor,
    scan_index: Tensor,
    scans: int,
    scaled: bool,
) -> Tensor:
    """Return the squared error of the regression, mean over the rows and channels of each scan, then over the scans.

    Works in at least float32 under any autocast setting. A scan without rows adds zero.

    Args:
        regressor: from [n, F_S] to [n, F_T], given the rows of one scan at a time.
        student: [M, F_S] float, with gradients.
        teacher: [M, F_T] float, of the same rows.
        scan_index: [M] int64, the scan of each row.
        scans: number of scans in the batch.
        scaled: divide the teacher's rows of a scan by their root mean square, unless all of them are zero.
    """
    given, wanted = (rows.to(torch.promote_types(rows.dtype, torch.float32)) for rows in (student, teacher))
    total = given.new_zeros(())
    with torch.autocast(given.device.type, enabled=False):
        for scan in range(scans):
            rows = (scan_index == scan).nonzero().squeeze(1)
            if len(rows) == 0:
                continue
            hints = wanted.index_select(0, rows)
            square = hints.square().mean()
            if scaled:
                hints = hints * torch.where(square > 0, square, 1.0).rsqrt()
            total = total + (regressor(given.index_select(0, rows)) - hints).square().mean()
    return total / scans
