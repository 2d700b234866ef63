"""How likely a supervoxel is to be sampled: more with rare classes, more when far away."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from baselines.pvd.settings import MinorUnit, Sampler


def minority_classes(class_counts: Sequence[int], share: float) -> Tensor:
    """Return which class ids are minority classes, [C + 1] bool on the CPU; id 0 is ignored and never one.

    Args:
        class_counts: labelled points of the training set by class id; entry 0 counts the ignored points.
        share: a class with less than this share of all labelled points is a minority class.
    """
    counts = torch.tensor(class_counts, dtype=torch.float64)
    minority = counts < share * counts[1:].sum()
    minority[0] = False
    return minority


def count_minor(unit: MinorUnit, block: Tensor, labels: Tensor, minority: Tensor, blocks: int) -> Tensor:
    """Return N_minor of each supervoxel, [blocks] int64.

    Args:
        unit: ``classes`` counts the distinct minority classes among the rows, any other unit the minority rows.
        block: [M] int64, the supervoxel of each row.
        labels: [M] int64, class id of each row.
        minority: [C + 1] bool.
        blocks: number of supervoxels.
    """
    if unit == "classes":
        present = torch.zeros((blocks, len(minority)), dtype=torch.bool, device=block.device)
        present[block, labels] = True
        return (present & minority).sum(dim=1)
    counts = torch.zeros(blocks, dtype=torch.int64, device=block.device)
    return counts.index_add_(0, block, minority[labels].long())


def sampling_weights(sampler: Sampler, minor: Tensor, outer_radius_m: Tensor, radius_m: float) -> Tensor:
    """Return W_i of each supervoxel, [S, N_s] float64, up to a factor common to all.

    W_i = (1/f_class)·(d_i/R)·(1/N_s) with f_class = 4·exp(−2·N_minor) + 1 (Hou et al., CVPR 2022, recalled).
    ``distance`` and ``category`` keep one of the two factors and ``random`` none; 1/N_s cancels in P_i = W_i/ΣW.

    Args:
        sampler: which factors take part.
        minor: [S, N_s], N_minor of each supervoxel of each scan.
        outer_radius_m: [N_s] float64, d_i.
        radius_m: R, the grid's radius.
    """
    category = 1 / (4 * torch.exp(-2 * minor.double()) + 1)
    distance = (outer_radius_m / radius_m).expand_as(category)
    factors = {
        "difficulty": category * distance,
        "category": category,
        "distance": distance,
        "random": torch.ones_like(category),
    }
    return factors[sampler]
