"""Averages that weigh every scan of a batch alike, however many rows it has."""

from __future__ import annotations

import torch
from torch import Tensor


def mean_per_scan(values: Tensor, scan_index: Tensor, scans: int, counted: Tensor | None = None) -> Tensor:
    """Return the mean over the rows of each scan, then over the scans.

    A batch of two scans therefore gives the mean of two batches of one. A scan without a counted row adds zero.

    Args:
        values: [M] float, one value per row.
        scan_index: [M] int64, the scan of each row.
        scans: number of scans in the batch.
        counted: [M] bool, the rows that count; None for all.
    """
    share = torch.ones_like(values) if counted is None else counted.to(values.dtype)
    rows = torch.zeros(scans, dtype=values.dtype, device=values.device).index_add_(0, scan_index, share)
    return (values * share / rows.clamp(min=1)[scan_index]).sum() / scans


def labelled_rows(labels: Tensor | None) -> Tensor:
    """Return which rows carry a scored class.

    Args:
        labels: [M] int64, 0 is ignored.

    Raises:
        ValueError: the batch has no labels.
    """
    if labels is None:
        raise ValueError("labelled_only needs a labelled batch, and this one has no labels")
    return labels > 0
