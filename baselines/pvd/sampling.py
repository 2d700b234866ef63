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
from baselines.supervoxels import SupervoxelGrid


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


@dataclass(frozen=True)
class SupervoxelWeights:
    """What a batch of S scans gives the sampler to draw from: each supervoxel's content and weight.

    Attributes:
        point_block: [N] int64, the supervoxel of each point, counted through the batch: scan·N_s + i.
        voxel_block: [V] int64, the same of each voxel.
        voxels: [S, N_s] int64, voxels in each supervoxel.
        minor: [S, N_s] int64, N_minor.
        weights: [S, N_s] float64, W_i up to a factor common to all, zero where there are no voxels.
    """

    point_block: Tensor
    voxel_block: Tensor
    voxels: Tensor
    minor: Tensor
    weights: Tensor

    @property
    def probabilities(self) -> Tensor:
        """P_i = W_i/ΣW, the chance of being drawn first, [S, N_s] float64."""
        return self.weights / self.weights.sum(dim=1, keepdim=True)


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

    def weigh(self, batch: VoxelBatch) -> SupervoxelWeights:
        """Return the content and weight of every supervoxel of a batch, before anything is drawn."""
        settings, points, minority = self.settings, batch.points, self.minority.to(batch.xyz.device)
        point_block = self.grid.block_of(points.xyz) + points.scan_index * self.grid.blocks
        voxel_block = self.grid.block_of(batch.xyz) + batch.scan_index * self.grid.blocks
        block, labels = (point_block, points.labels) if settings.minor_unit == "points" else (voxel_block, batch.labels)
        every = points.scans * self.grid.blocks
        minor = count_minor(settings.minor_unit, block, _known(block, labels), minority, every).view(
            -1, self.grid.blocks
        )
        voxels = torch.bincount(voxel_block, minlength=every).view(-1, self.grid.blocks)
        radius_m = self.grid.outer_radius_m().to(minor.device)
        weights = sampling_weights(settings.sampler, minor, radius_m, settings.highest[0])
        return SupervoxelWeights(point_block, voxel_block, voxels, minor, torch.where(voxels > 0, weights, 0.0))

    def draw(self, batch: VoxelBatch, draws: Sequence[torch.Generator]) -> SupervoxelSample:
        """Return the supervoxels and rows of one step.

        Args:
            batch: the voxels and points, with labels.
            draws: one CPU generator per scan; the blocks are drawn first, then the points, then the voxels.
        """
        settings, minority, found = self.settings, self.minority.to(batch.xyz.device), self.weigh(batch)
        blocks = draw_blocks(found.weights, settings.blocks, draws)
        slot = _slots(blocks, self.grid.blocks)
        point_minor = minority[_known(found.point_block, batch.points.labels)]
        voxel_minor = minority[_known(found.voxel_block, batch.labels)]
        return SupervoxelSample(
            blocks,
            draw_rows(slot[found.point_block], point_minor, blocks.shape, settings.points_per_block, draws),
            draw_rows(slot[found.voxel_block], voxel_minor, blocks.shape, settings.voxels_per_block, draws),
        )


def _known(rows: Tensor, labels: Tensor | None) -> Tensor:
    """Return the labels, all of them 0 (ignored) where there are none."""
    return torch.zeros_like(rows) if labels is None else labels


def _slots(blocks: Tensor, per_scan: int) -> Tensor:
    """Return the slot scan·K + k of each supervoxel of the batch, [S·N_s] int64, −1 for those not sampled."""
    scans, count = blocks.shape
    first = torch.arange(scans, device=blocks.device)[:, None]
    slots = torch.arange(scans * count, device=blocks.device).view(scans, count)
    table = torch.full((scans * per_scan,), -1, dtype=torch.int64, device=blocks.device)
    held = blocks >= 0
    table[(blocks + first * per_scan)[held]] = slots[held]
    return table
