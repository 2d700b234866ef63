"""Supervoxels as nodes: the rows of a scan pooled to its occupied blocks, and how alike two networks see them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Self

import torch
from pydantic import model_validator
from torch import Tensor

from backbones.reduction import segment_max, segment_mean
from backbones.voxelize import VoxelBatch
from baselines.affinity import affinity_loss
from baselines.supervoxels import SupervoxelGrid, SupervoxelSettings

Pool = Literal["mean", "max"]

MOST_BLOCKS = 8192
"""Of a scan. If all were occupied, one float32 matrix of their pairs would take 256 MiB, and a step keeps a few."""


class NodeSettings(SupervoxelSettings):
    """Settings of every method that compares pairs of supervoxels.

    Attributes:
        pool: how the rows of a supervoxel become one node.
    """

    pool: Pool = "mean"

    @model_validator(mode="after")
    def _pairs_fit_in_memory(self) -> Self:
        """Refuse blocks so small that the pairs of one scan's nodes could fill the memory."""
        blocks = SupervoxelGrid.from_settings(self).blocks
        if blocks > MOST_BLOCKS:
            raise ValueError(
                f"block_size {self.block_size} cuts the grid {self.grid} into {blocks} supervoxels, and every pair of "
                f"them is compared; at most {MOST_BLOCKS} are allowed. Use larger blocks."
            )
        return self


@dataclass(frozen=True)
class Nodes:
    """The occupied supervoxels of a batch of S scans; the others take no part and no memory.

    Attributes:
        of_row: [V] int64, the node of each voxel; the nodes of the batch are numbered scan by scan.
        table: [S, n] int64, the nodes of each scan, then −1; n is the largest number of nodes in a scan.
        count: number of nodes of the batch.
    """

    of_row: Tensor
    table: Tensor
    count: int

    @classmethod
    def occupied(cls, grid: SupervoxelGrid, batch: VoxelBatch) -> Nodes:
        """Find the supervoxels that hold a voxel.

        Args:
            grid: the blocks of a scan.
            batch: V voxels, each in the block of the point that stands for it.
        """
        scans = batch.points.scans
        block = grid.block_of(batch.xyz) + batch.scan_index * grid.blocks
        blocks, of_row = torch.unique(block, return_inverse=True)
        scan = blocks.div(grid.blocks, rounding_mode="floor")
        per_scan = torch.bincount(scan, minlength=scans)
        node = torch.arange(len(blocks), device=block.device)
        table = torch.full((scans, int(per_scan.max())), -1, dtype=torch.int64, device=block.device)
        table[scan, node - (per_scan.cumsum(0) - per_scan)[scan]] = node
        return cls(of_row, table, len(blocks))

    def pool(self, features: Tensor, how: Pool) -> Tensor:
        """Return the mean or the largest value of each node's rows, [count, F], in at least float32.

        Args:
            features: [V, F] float.
            how: mean or maximum, channel by channel.
        """
        wide = features.to(torch.promote_types(features.dtype, torch.float32))
        return (segment_mean if how == "mean" else segment_max)(wide, self.of_row, self.count)

    def distance(self, student: Tensor, teacher: Tensor, how: Pool) -> Tensor:
        """Return how differently two networks see the pairs of nodes: a scalar, mean over the scans.

        (1/n²)·Σ_ij (cos(S_i, S_j) − cos(T_i, T_j))² over the n occupied nodes of a scan. A node of zeros has cosine 0
        with every node, itself included. A scan takes a few matrices of at most n² entries.

        Args:
            student: [V, F_S] features of the voxels, with gradients.
            teacher: [V, F_T] features of the same voxels, which get no gradient; the width may differ.
            how: how the rows of a node are pooled.
        """
        return affinity_loss(self.pool(student, how), self.pool(teacher, how), self.table[:, None], "masked")
