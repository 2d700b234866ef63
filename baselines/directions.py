"""Rows as directions: what cosines are made of."""

from __future__ import annotations

import torch
from torch import Tensor


def unit_rows(rows: Tensor) -> Tensor:
    """Return each row scaled to length one, in at least float32; a row of zeros stays zero and gets no gradient.

    Args:
        rows: [M, F] float of any finite size; F may be 0.
    """
    wide = rows.to(torch.promote_types(rows.dtype, torch.float32))
    if wide.shape[1] == 0:
        return wide
    # The square of a tiny or huge row leaves the range of float32, and so does the gradient of its length.
    size = wide.detach().abs().amax(dim=1, keepdim=True)
    nonzero = size > 0
    scaled = wide / torch.where(nonzero, size, 1.0)
    squared = scaled.square().sum(dim=1, keepdim=True)
    return scaled * torch.where(nonzero, torch.where(nonzero, squared, 1.0).rsqrt(), 0.0)
