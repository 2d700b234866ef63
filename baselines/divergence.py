"""The divergence between the class distributions of two networks, row by row."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def divergence_rows(source: Tensor, target: Tensor, temperature: float) -> Tensor:
    """Return T²·KL(softmax(source/T) ‖ softmax(target/T)) of each row, shape [M].

    T² keeps the gradient's size when the temperature changes (Hinton, Vinyals and Dean 2015, section 2). Logits of half
    precision are widened to float32 first; equal logits give exactly zero.

    Args:
        source: [M, C] logits of the distribution whose expectation is taken.
        target: [M, C] logits of the distribution it is compared with.
        temperature: T, above zero.
    """
    log_source, log_target = (_log_distribution(logits, temperature) for logits in (source, target))
    return F.kl_div(log_target, log_source, reduction="none", log_target=True).sum(dim=1) * temperature**2


def _log_distribution(logits: Tensor, temperature: float) -> Tensor:
    """Return log softmax(logits/T) in at least float32."""
    wide = logits.to(torch.promote_types(logits.dtype, torch.float32))
    return F.log_softmax(wide if temperature == 1 else wide / temperature, dim=1)
