"""Settings of Point-to-Voxel Distillation."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from baselines.affinity import Padding
from baselines.supervoxels import SupervoxelSettings

Sampler = Literal["difficulty", "distance", "category", "random"]
MinorUnit = Literal["voxels", "points", "classes"]
Direction = Literal["teacher_to_student", "student_to_teacher"]
Reduction = Literal["active", "dense"]

MOST = 8192
"""Of blocks, and of rows in a block: one matrix of the pairs of so many rows takes 256 MiB, and a step keeps a few."""


class PVDSettings(SupervoxelSettings):
    """Every choice PVD leaves to its user (Hou et al., CVPR 2022; the reasons are in ``docs/choices.md``).

    The weights, block size, share threshold and number of blocks are recalled from the paper, not re-read. A weight of
    zero takes its term out of the loss and of the work.

    Attributes:
        point_output_weight: a1, the divergence of point logits.
        voxel_output_weight: a2, the divergence of voxel logits.
        point_affinity_weight: b1, the affinity of point features inside the sampled supervoxels.
        voxel_affinity_weight: b2, the affinity of voxel features inside the sampled supervoxels.
        direction: which distribution the divergence takes its expectation under.
        temperature: T of both output terms, which are scaled by T².
        reduction: voxel output divided by the active voxels, or by every cell of ``grid`` as the paper's formula reads.
        labelled_only: leave rows with an ignored label out of the output terms; by default every active row counts.
        sampler: factors of a supervoxel's sampling weight: both, the distance, the category, or none.
        blocks: K, supervoxels sampled per scan.
        points_per_block: Np, rows of a sampled supervoxel's point affinity.
        voxels_per_block: Nv, rows of a sampled supervoxel's voxel affinity.
        padding: average the affinity over the pairs of real rows, or over all K·n² pairs with the zero rows inside.
        minor_unit: what N_minor counts in a supervoxel: minority voxels, minority points, or distinct minority classes.
        minor_share: a class with less than this share of the labelled training points is a minority class.
    """

    point_output_weight: float = Field(default=0.1, ge=0)
    voxel_output_weight: float = Field(default=0.15, ge=0)
    point_affinity_weight: float = Field(default=0.15, ge=0)
    voxel_affinity_weight: float = Field(default=0.25, ge=0)
    direction: Direction = "teacher_to_student"
    temperature: float = Field(default=1.0, gt=0)
    reduction: Reduction = "active"
    labelled_only: bool = False
    sampler: Sampler = "difficulty"
    blocks: int = Field(default=4, ge=1, le=MOST)
    points_per_block: int = Field(default=1024, ge=1, le=MOST)
    voxels_per_block: int = Field(default=512, ge=1, le=MOST)
    padding: Padding = "masked"
    minor_unit: MinorUnit = "voxels"
    minor_share: float = Field(default=0.01, ge=0, le=1)
