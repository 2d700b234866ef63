"""Which supervoxels, and which of their rows, take part in affinity distillation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from backbones.voxelize import VoxelBatch
from baselines.pvd.difficulty import count_minor, minority_classes, sampling_weights
from baselines.pvd.draws import draw_blocks, draw_rows
from baselines.pvd.settings import PVDSettings
from baselines.pvd.supervoxels import SupervoxelGrid


@dataclass(frozen=True)
class SupervoxelSample:
    """The sampled supervoxels of a batch of S scans; −1 stands for none.

    Attributes:
        blocks: [S, K] int64, the sampled supervoxels in the order they were drawn.
        points: [S, K, Np] int64, rows of the points in each.
        voxels: [S, K, Nv] int64, rows of the voxels in each.
    """

    blocks: Tensor
    points: Tensor
    voxels: Tensor


class SupervoxelSampler:
    """Draws K occupied supervoxels per scan without replacement, with probabilities from labels and distance.

    A supervoxel is occupied when it holds a voxel. A scan with fewer than K takes them all. In an unlabelled batch no
    row counts as minority.

    Args:
        settings: the method's settings.
        class_counts: labelled points of the training set by class id.
    """

    def __init__(self, settings: PVDSettings, class_counts: Sequence[int]) -> None:
        self.settings = settings
        self.grid = SupervoxelGrid.from_settings(settings)
        self.minority = minority_classes(class_counts, settings.minor_share)

    def draw(self, batch: VoxelBatch, draws: Sequence[torch.Generator]) -> SupervoxelSample:
        """Return the supervoxels and rows of one step.

        Args:
            batch: the voxels and points, with labels.
            draws: one CPU generator per scan; the blocks are drawn first, then the points, then the voxels.
        """
        settings, points, minority = self.settings, batch.points, self.minority.to(batch.xyz.device)
        point_block = self.grid.block_of(points.xyz) + points.scan_index * self.grid.blocks
        voxel_block = self.grid.block_of(batch.xyz) + batch.scan_index * self.grid.blocks
        point_labels = torch.zeros_like(point_block) if points.labels is None else points.labels
        voxel_labels = torch.zeros_like(voxel_block) if batch.labels is None else batch.labels
        counted = (point_block, point_labels) if settings.minor_unit == "points" else (voxel_block, voxel_labels)
        minor = count_minor(settings.minor_unit, *counted, minority, points.scans * self.grid.blocks)
        voxels = torch.bincount(voxel_block, minlength=len(minor))
        blocks = draw_blocks(self._weights(minor, voxels), settings.blocks, draws)
        slot = _slots(blocks, self.grid.blocks)
        return SupervoxelSample(
            blocks,
            draw_rows(slot[point_block], minority[point_labels], blocks.shape, settings.points_per_block, draws),
            draw_rows(slot[voxel_block], minority[voxel_labels], blocks.shape, settings.voxels_per_block, draws),
        )

    def _weights(self, minor: Tensor, voxels: Tensor) -> Tensor:
        """Return W_i from N_minor and the voxels of each block: [S, N_s] float64, zero where there are no voxels."""
        radius_m = self.grid.outer_radius_m().to(minor.device)
        minor, voxels = minor.view(-1, self.grid.blocks), voxels.view(-1, self.grid.blocks)
        weights = sampling_weights(self.settings.sampler, minor, radius_m, self.settings.highest[0])
        return torch.where(voxels > 0, weights, 0.0)


def _slots(blocks: Tensor, per_scan: int) -> Tensor:
    """Return the slot scan·K + k of each supervoxel of the batch, [S·N_s] int64, −1 for those not sampled."""
    scans, count = blocks.shape
    first = torch.arange(scans, device=blocks.device)[:, None]
    slots = torch.arange(scans * count, device=blocks.device).view(scans, count)
    table = torch.full((scans * per_scan,), -1, dtype=torch.int64, device=blocks.device)
    held = blocks >= 0
    table[(blocks + first * per_scan)[held]] = slots[held]
    return table
