"""Cutting the pairs of a kernel map into chunks, and the memory that the chunks reuse."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

CACHE_BYTES = 2 << 20
"""Workspace on a CPU: about the second-level cache of one core."""
DEVICE_BYTES = 512 << 20
"""Workspace elsewhere, where few launches matter more than the cache."""


def chunk_rows(counts: Sequence[int], features: Tensor, weight: Tensor) -> int:
    """Return how many pairs a chunk may hold: their gathered rows and products fit the workspace of the device."""
    room = CACHE_BYTES if features.device.type == "cpu" else DEVICE_BYTES
    row_bytes = features.element_size() * (weight.shape[1] + weight.shape[2])
    return max(1, min(max(counts, default=1), room // row_bytes))


def chunks(counts: Sequence[int], limit: int, identity: int) -> Iterator[tuple[int, slice]]:
    """Cut the pairs of every offset except `identity` into pieces of at most `limit`, each with its offset."""
    stop = 0
    for k, count in enumerate(counts):
        start, stop = stop, stop + count
        if k != identity:
            for first in range(start, stop, limit):
                yield k, slice(first, min(first + limit, stop))


def workspace(like: Tensor, rows: int, channels: int) -> Tensor:
    """Return memory for all chunks of one call: fresh memory for each of them takes three times as long."""
    return like.new_empty(rows, channels)


def take(table: Tensor, rows: Tensor, memory: Tensor) -> Tensor:
    """Gather rows of a table into a workspace; return the part that was filled."""
    return torch.index_select(table, 0, rows, out=memory[: len(rows)])


def sum_type(tensor: Tensor) -> torch.dtype:
    """Return the type in which rows are summed: float32 for half types, else their own."""
    return torch.float32 if tensor.dtype in (torch.float16, torch.bfloat16) else tensor.dtype


def begin(features: Tensor, weight: Tensor, rows: int, identity: int) -> Tensor:
    """Return the first summand [rows, C_out]: the dense product at the offset `identity`, or zeros if that is −1."""
    if identity >= 0:
        return (features @ weight[identity]).to(sum_type(features))
    return features.new_zeros((rows, weight.shape[2]), dtype=sum_type(features))
