"""Intra-class feature variation: how far the rows of a class lie from its centre (Wang et al., ECCV 2020)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor

from backbones.output import SegmentationOutput
from backbones.reduction import segment_mean
from backbones.voxelize import VoxelBatch
from baselines.directions import unit_rows
from baselines.divergence import divergence_rows
from baselines.method import Method, MethodContext, MethodSettings
from baselines.per_scan import labelled_rows, mean_per_scan


class IFVSettings(MethodSettings):
    """Settings of intra-class feature variation distillation.

    Weights and temperature are those of the authors' code (YukangWang/IFVD), which has them at a learning rate of 0.01;
    the paper's weight is 50, as a reader quotes it in issue 10 of that code. Under SGD at 0.24 use 2, which keeps the
    product of 50 and 0.01 (``docs/methods.md``).

    Attributes:
        weight: factor of the term on the similarities.
        logits_weight: factor of the logit distillation beside it, a mean over rows and classes.
        temperature: T of the logit distillation; the term is scaled by T².
        labelled_only: leave rows with an ignored label out of the logit distillation; by default every active row
            counts. The similarities are those of labelled rows in any case.
    """

    weight: float = Field(default=200.0, ge=0)
    logits_weight: float = Field(default=10.0, ge=0)
    temperature: float = Field(default=1.0, gt=0)
    labelled_only: bool = False


class IFV(Method):
    """Intra-class feature variation: each row's cosine to the centre of its class follows the teacher's.

    (cos(s_i, mean of the s of i's class) − cos(t_i, mean of the t of i's class))², mean over the labelled rows of each
    scan, then over the scans; features are the input of the classifier. Beside it KL(softmax(t) ‖ softmax(s)) / C,
    mean over the rows. Re-read in the authors' code: centres are per image and pass gradients on. There an ignored
    pixel is its own centre, so that it adds nothing but counts in the mean. The authors' adversarial term, of weight
    0.001, is left out: it needs a second network, trained in turns with the student.
    """

    Settings: ClassVar[type[MethodSettings]] = IFVSettings

    def __init__(self, settings: IFVSettings, context: MethodContext) -> None:
        super().__init__(settings, context)
        self.settings = settings

    def forward(
        self,
        student: SegmentationOutput,
        teacher: SegmentationOutput,
        batch: VoxelBatch,
        draws: Sequence[torch.Generator],
    ) -> dict[str, Tensor]:
        """Return the weighted terms ``variation`` and ``logits``.

        Raises:
            ValueError: the batch has no labels.
        """
        settings, scans, labels, terms = self.settings, batch.points.scans, batch.labels, {}
        logits, targets = student.prediction_logits, teacher.prediction_logits.detach()
        classes = logits.shape[1]
        if settings.weight:
            if labels is None:
                raise ValueError("the classes' centres need a labelled batch, and this one has no labels")
            group = batch.scan_index * (classes + 1) + labels
            followed, wanted = (
                centre_similarities(features, group, scans * (classes + 1))
                for features in (student.voxel_features, teacher.voxel_features.detach())
            )
            squared = (followed - wanted).square()
            terms["variation"] = settings.weight * mean_per_scan(squared, batch.scan_index, scans, labels > 0)
        if settings.logits_weight:
            counted = labelled_rows(labels) if settings.labelled_only else None
            divergence = divergence_rows(targets, logits, settings.temperature) / classes
            terms["logits"] = settings.logits_weight * mean_per_scan(divergence, batch.scan_index, scans, counted)
        return terms


def centre_similarities(features: Tensor, group: Tensor, groups: int) -> Tensor:
    """Return the cosine of each row to the mean of the rows of its group, [M] in at least float32.

    Gradients flow through the means too. A row of zeros has cosine 0, and so has every row around a mean of zero.

    Args:
        features: [M, F] float.
        group: [M] int64 in 0..groups − 1.
        groups: number of groups; some may have no row.
    """
    wide = features.to(torch.promote_types(features.dtype, torch.float32))
    centres = unit_rows(segment_mean(wide, group, groups))
    return (unit_rows(wide) * centres.index_select(0, group)).sum(dim=1)
