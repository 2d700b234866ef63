"""Convolution in plain PyTorch, offset by offset, in chunks of pairs whose rows stay in the processor's cache.

At one offset an output row occurs at most once, so that no two additions of a scatter meet: results are repeatable, on
CUDA as well.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

CACHE_BYTES = 2 << 20
"""Workspace on a CPU: about the second-level cache of one core."""
DEVICE_BYTES = 512 << 20
"""Workspace elsewhere, where few launches matter more than the cache."""


def multiply(
    features: Tensor, weight: Tensor, sources: Tensor, targets: Tensor, counts: Sequence[int], rows: int, identity: int
) -> Tensor:
    """Return `backbones.sparse.ops.sparse_conv` of these arguments."""
    output = begin(features, weight, rows, identity)
    limit = chunk_rows(counts, features, weight)
    gathered, product = workspace(features, limit, weight.shape[1]), workspace(features, limit, weight.shape[2])
    for k, pairs in chunks(counts, limit, identity):
        taken = take(features, sources[pairs], gathered)
        summand = torch.mm(taken, weight[k], out=product[: len(taken)])
        output.index_add_(0, targets[pairs], summand.to(output.dtype))
    return output.to(features.dtype)


def differentiate(
    gradient: Tensor,
    features: Tensor,
    weight: Tensor,
    sources: Tensor,
    targets: Tensor,
    counts: Sequence[int],
    identity: int,
    wants_features: bool,
    wants_weight: bool,
) -> tuple[Tensor, Tensor]:
    """Return `backbones.sparse.ops.sparse_conv_backward` of these arguments."""
    flipped = weight.transpose(1, 2)
    for_features = begin(gradient, flipped, len(features), identity) if wants_features else features.new_empty(0)
    for_weight = weight.new_zeros(weight.shape if wants_weight else 0, dtype=sum_type(weight))
    if wants_weight and identity >= 0:
        for_weight[identity] = features.t() @ gradient
    limit = chunk_rows(counts, features, weight)
    taken, product = (workspace(features, limit, weight.shape[1]) for _ in range(2))
    gathered = workspace(features, limit, weight.shape[2])
    for k, pairs in chunks(counts, limit, identity):
        rows = sources[pairs]
        upstream = take(gradient, targets[pairs], gathered)
        if wants_weight:
            for_weight[k] += take(features, rows, taken).t() @ upstream
        if wants_features:
            summand = torch.mm(upstream, flipped[k], out=product[: len(rows)])
            for_features.index_add_(0, rows, summand.to(for_features.dtype))
    return for_features.to(features.dtype), for_weight.to(weight.dtype)


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
