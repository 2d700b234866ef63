"""Affinity: which rows look alike to the teacher should look alike to the student."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from baselines.directions import unit_rows

Padding = Literal["literal", "masked"]


def affinity_loss(student: Tensor, teacher: Tensor, rows: Tensor, padding: Padding) -> Tensor:
    """Return the squared difference of the cosine matrices of teacher and student, a scalar, mean over the scans.

    (1 / (K·n²))·Σ_r Σ_ij (A_S(i, j, r) − A_T(i, j, r))² with A(i, j) = cos(F_i, F_j) (Hou et al., CVPR 2022, recalled).
    Padded rows, and rows of zeros, have cosine 0 with everything and pass no gradient. ``literal`` divides by all K·n²
    entries, ``masked`` by the pairs of real rows in the scan's K blocks. Works in at least float32 under any autocast
    setting; each network's matrices take at most K·n² entries per scan.

    Args:
        student: [M, F_S] features, with gradients.
        teacher: [M, F_T] features of the same rows; the width may differ.
        rows: [S, K, n] int64, rows of each sampled block, then −1 for padding.
        padding: what the sum is divided by.
    """
    scans, blocks, capacity = rows.shape
    filled = (rows >= 0).sum(dim=2)
    # Padded pairs add nothing to the sum, so columns that are padding in every block are not computed.
    rows = rows[:, :, : int(filled.max())]
    with torch.autocast(student.device.type, enabled=False):
        wanted = _directions(teacher.detach(), rows)
        given = _directions(student, rows)
        difference = torch.baddbmm(wanted @ wanted.mT, given, given.mT, beta=-1)
    error = difference.square().sum(dim=(1, 2)).view(scans, blocks).sum(dim=1)
    if padding == "literal":
        return error.mean() / (blocks * capacity**2)
    return (error / filled.square().sum(dim=1).clamp(min=1)).mean()


def _directions(features: Tensor, rows: Tensor) -> Tensor:
    """Return the unit vectors of the chosen rows, [S·K, n, F], zeros for padding."""
    held = rows.flatten(0, 1) >= 0
    picked = unit_rows(features.index_select(0, rows[rows >= 0]))
    directions = picked.new_zeros(*held.shape, picked.shape[1])
    directions[held] = picked
    return directions
