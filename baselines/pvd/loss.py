"""Point-to-Voxel Distillation (Hou, Zhu, Ma, Loy and Li, CVPR 2022): four terms beside the supervised loss."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor

from backbones.output import SegmentationOutput
from backbones.voxelize import VoxelBatch
from baselines.affinity import affinity_loss
from baselines.method import Method, MethodContext, MethodSettings
from baselines.per_scan import labelled_rows, mean_per_scan
from baselines.pvd.output import mean_over_grid, output_divergence
from baselines.pvd.sampling import SupervoxelSample, SupervoxelSampler
from baselines.pvd.settings import PVDSettings


class PVD(Method):
    """Point-to-Voxel Distillation: class distributions and affinities, both over points and over voxels.

    a1·L_out(point) + a2·L_out(voxel) + b1·L_aff(point) + b2·L_aff(voxel), an independent implementation: the authors
    released no distillation code. A term with weight zero is left out.
    """

    Settings: ClassVar[type[MethodSettings]] = PVDSettings

    def __init__(self, settings: PVDSettings, context: MethodContext) -> None:
        super().__init__(settings, context)
        self.settings = settings
        self.sampler = SupervoxelSampler(settings, context.class_counts)

    def forward(
        self,
        student: SegmentationOutput,
        teacher: SegmentationOutput,
        batch: VoxelBatch,
        draws: Sequence[torch.Generator],
    ) -> dict[str, Tensor]:
        """Return the weighted terms ``point_output``, ``voxel_output``, ``point_affinity`` and ``voxel_affinity``."""
        settings = self.settings
        terms = {}
        if settings.point_output_weight:
            terms["point_output"] = settings.point_output_weight * self._point_output(student, teacher, batch)
        if settings.voxel_output_weight:
            terms["voxel_output"] = settings.voxel_output_weight * self._voxel_output(student, teacher, batch)
        if settings.point_affinity_weight or settings.voxel_affinity_weight:
            terms |= self._affinity(student, teacher, self.sampler.draw(batch, draws))
        return terms

    def _point_output(self, student: SegmentationOutput, teacher: SegmentationOutput, batch: VoxelBatch) -> Tensor:
        """Return L_out(point)."""
        settings, points = self.settings, batch.points
        divergence = output_divergence(
            student.point_logits, teacher.point_logits, settings.direction, settings.temperature
        )
        counted = labelled_rows(points.labels) if settings.labelled_only else None
        return mean_per_scan(divergence, points.scan_index, points.scans, counted)

    def _voxel_output(self, student: SegmentationOutput, teacher: SegmentationOutput, batch: VoxelBatch) -> Tensor:
        """Return L_out(voxel)."""
        settings, scans = self.settings, batch.points.scans
        divergence = output_divergence(
            student.voxel_logits, teacher.voxel_logits, settings.direction, settings.temperature
        )
        counted = labelled_rows(batch.labels) if settings.labelled_only else None
        if settings.reduction == "dense":
            return mean_over_grid(divergence, math.prod(settings.grid), scans, counted)
        return mean_per_scan(divergence, batch.scan_index, scans, counted)

    def _affinity(
        self, student: SegmentationOutput, teacher: SegmentationOutput, sample: SupervoxelSample
    ) -> dict[str, Tensor]:
        """Return the weighted affinity terms on the sampled supervoxels."""
        settings = self.settings
        terms = {}
        if settings.point_affinity_weight:
            loss = affinity_loss(student.point_features, teacher.point_features, sample.points, settings.padding)
            terms["point_affinity"] = settings.point_affinity_weight * loss
        if settings.voxel_affinity_weight:
            loss = affinity_loss(student.voxel_features, teacher.voxel_features, sample.voxels, settings.padding)
            terms["voxel_affinity"] = settings.voxel_affinity_weight * loss
        return terms
