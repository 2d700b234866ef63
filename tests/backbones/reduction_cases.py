"""Values in segments, and what plain loops make of them."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import strategies as st
from numpy.typing import NDArray
from torch import Tensor

Floats = NDArray[np.float64]


def max_by_loops(values: Floats, segment: list[int], upstream: Floats) -> tuple[Floats, Floats]:
    """Return the maxima [S, C] and the gradient [N, C] that shares each one out among its rows."""
    out, gradient = np.zeros_like(upstream), np.zeros_like(values)
    for s in range(len(upstream)):
        rows = [row for row, of in enumerate(segment) if of == s]
        for c in range(values.shape[1]) if rows else ():
            out[s, c] = max(values[row, c] for row in rows)
            winners = [row for row in rows if values[row, c] == out[s, c]]
            for row in winners:
                gradient[row, c] = upstream[s, c] / len(winners)
    return out, gradient


def mean_by_loops(values: Floats, segment: list[int], upstream: Floats) -> tuple[Floats, Floats]:
    """Return the means [S, C] and the gradient [N, C]."""
    out, gradient = np.zeros_like(upstream), np.zeros_like(values)
    for s in range(len(upstream)):
        rows = [row for row, of in enumerate(segment) if of == s]
        for row in rows:
            out[s] += values[row] / len(rows)
            gradient[row] = upstream[s] / len(rows)
    return out, gradient


@st.composite
def cases(draw: st.DrawFn, ties: bool = True) -> tuple[Tensor, list[int], Tensor]:
    """Draw values [N, C], the segment of each row and an upstream gradient [S, C]; ties make equal maxima common."""
    rows, channels, segments = draw(st.integers(0, 30)), draw(st.integers(1, 4)), draw(st.integers(1, 8))
    segment = draw(st.lists(st.integers(0, segments - 1), min_size=rows, max_size=rows))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    values = (
        rng.integers(-2, 3, (rows, channels)) if ties else rng.permutation(rows * channels).reshape(rows, channels) - 9
    )
    upstream = torch.from_numpy(rng.normal(size=(segments, channels)))
    return torch.from_numpy(values.astype(np.float64)), segment, upstream


def street_case(rows: int, channels: int, segments: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return float32 values [N, C], segments [N] of very unequal size and an upstream gradient [S, C]."""
    draw = torch.Generator().manual_seed(7)
    more = (torch.rand(rows - segments, generator=draw) ** 2 * segments).long()
    segment = torch.cat([torch.arange(segments), more])[torch.randperm(rows, generator=draw)]
    return torch.randn(rows, channels, generator=draw), segment, torch.randn(segments, channels, generator=draw)
