"""The divergence between where two networks' channels are active: their distributions over the rows of a scan."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def channel_divergence(
    source: Tensor, target: Tensor, scan_index: Tensor, scans: int, temperature: float, counted: Tensor | None = None
) -> Tensor:
    """Return T²/C · Σ_c KL of each channel's distribution over the rows of a scan, mean over the scans; a scalar.

    The divisor is that of the public code (TorchDistiller, mmrazor): channels and scans, not rows. Half precision is
    widened to float32 first, equal inputs give exactly zero, and so does a scan with fewer than two rows.

    Args:
        source: [M, C] float, of the distributions whose expectation is taken.
        target: [M, C] float, of those they are compared with.
        scan_index: [M] int64, the scan of each row.
        scans: number of scans in the batch.
        temperature: T, above zero.
        counted: [M] bool, the rows that the distributions span; None for all.
    """
    total = target.new_zeros((), dtype=torch.promote_types(target.dtype, torch.float32))
    for scan in range(scans):
        inside = scan_index == scan if counted is None else (scan_index == scan) & counted
        rows = inside.nonzero().squeeze(1)
        log_source, log_target = (_log_shares(values.index_select(0, rows), temperature) for values in (source, target))
        total = total + F.kl_div(log_target, log_source, reduction="sum", log_target=True)
    return total * (temperature**2 / (target.shape[1] * scans))


def _log_shares(values: Tensor, temperature: float) -> Tensor:
    """Return log softmax(values/T) over the rows, in at least float32.

    `torch.log_softmax` adds the rows of a column one after another in float32, which errs more over the 10⁵ rows of a
    scan than `logsumexp` does.
    """
    wide = values.to(torch.promote_types(values.dtype, torch.float32)) / temperature
    return wide - wide.logsumexp(dim=0, keepdim=True)
