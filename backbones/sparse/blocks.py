"""Pairs of a submanifold map, regrouped by blocks of output rows, and convolution along them in plain PyTorch.

The products of a block stand together before they are summed, each output row once: on a CPU this takes a fraction of
the time of adding them to their rows offset by offset. The offset at which every row meets itself is a dense product.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import embedding_bag

from backbones.sparse.chunks import take, workspace

BLOCK_ROWS = 8192
"""Fewer rows mean more and smaller products; the products of more rows leave the cache before they are summed."""


@dataclass(frozen=True)
class Blocks:
    """The pairs of a map with M outputs, by block of `BLOCK_ROWS` outputs, then by offset, then by output.

    The M pairs of the offset `identity` are left out: Q = P − M pairs remain.

    Attributes:
        sources: [Q] int64 input rows.
        targets: [Q] int64 output rows.
        counts: pairs per block and offset, flat, offsets fastest.
        order: [Q] int64, for every block the places of its pairs within the block, sorted by output.
        starts: [M + 1] int64, pairs of all outputs before each one.
    """

    sources: Tensor
    targets: Tensor
    counts: tuple[int, ...]
    order: Tensor
    starts: Tensor


def regroup(inputs: Tensor, outputs: Tensor, counts: Sequence[int], rows: int, identity: int) -> Blocks:
    """Return the pairs by block.

    Args:
        inputs: [P] int64 input rows, by offset.
        outputs: [P] int64 output rows, ascending within an offset.
        counts: pairs per offset, K integers.
        rows: number of outputs M.
        identity: the offset at which every row meets itself.
    """
    begin = sum(counts[:identity])
    inputs, outputs = (torch.cat([pairs[:begin], pairs[begin + rows :]]) for pairs in (inputs, outputs))
    counts = [0 if k == identity else count for k, count in enumerate(counts)]
    edges = torch.arange(0, rows + BLOCK_ROWS, BLOCK_ROWS)
    reached = torch.stack([torch.searchsorted(part, edges) for part in torch.split(outputs, counts)])
    sizes = reached.diff().t().flatten()
    before = torch.tensor([0, *counts[:-1]]).cumsum(0)
    found = (before[:, None] + reached[:, :-1]).t().flatten()
    moved = torch.arange(len(inputs)) + torch.repeat_interleave(found - (sizes.cumsum(0) - sizes), sizes)
    sources, targets = inputs[moved], outputs[moved]
    starts = torch.cat([torch.zeros(1, dtype=torch.int64), torch.bincount(targets, minlength=rows).cumsum(0)])
    by_target = targets.int().argsort(stable=True)
    block = torch.arange(rows) // BLOCK_ROWS * BLOCK_ROWS
    order = by_target - starts[block].repeat_interleave(starts.diff())
    return Blocks(sources, targets, tuple(sizes.tolist()), order, starts)


@dataclass(frozen=True)
class _Block:
    """Some outputs and their pairs; for each offset that has pairs its number, sources and targets, and how many."""

    rows: slice
    pairs: slice
    pieces: list[tuple[int, Tensor, Tensor]]
    sizes: list[int]


def multiply(
    features: Tensor,
    weight: Tensor,
    sources: Tensor,
    targets: Tensor,
    counts: Sequence[int],
    identity: int,
    order: Tensor,
    starts: Tensor,
) -> Tensor:
    """Return Σ features[source] · weight[k] over the pairs of every output, the identity's among them, [M, C_out].

    Args:
        features: [M, C_in] float32 or float64; inputs and outputs of a submanifold map are the same voxels.
        weight: [K, C_in, C_out], of the same type.
        sources: this and the following as in `Blocks`.
        targets: [Q] int64.
        counts: blocks · K integers.
        identity: the offset at which every row meets itself.
        order: [Q] int64.
        starts: [M + 1] int64.
    """
    blocks = list(_blocks(sources, targets, counts, len(weight), starts))
    output = features.new_empty(len(features), weight.shape[2])
    gathered, products = _workspaces(blocks, features, weight.shape[1], weight.shape[2])
    factors = weight.unbind()
    for block in blocks:
        summands = products[: sum(block.sizes)]
        for (k, rows, _), product in zip(block.pieces, torch.split(summands, block.sizes), strict=True):
            torch.mm(take(features, rows, gathered), factors[k], out=product)
        torch.mm(features[block.rows], factors[identity], out=output[block.rows])
        _add(block, summands, order, starts, output)
    return output


def differentiate(
    gradient: Tensor,
    features: Tensor,
    weight: Tensor,
    sources: Tensor,
    targets: Tensor,
    counts: Sequence[int],
    identity: int,
    order: Tensor,
    starts: Tensor,
    wants_features: bool,
    wants_weight: bool,
) -> tuple[Tensor, Tensor]:
    """Return the gradients of `multiply` for features and weight; one that is not wanted is empty.

    A pair (i, o) of offset k comes with (o, i) of offset K − 1 − k: the way back is the way there, offsets mirrored.

    Args:
        gradient: [M, C_out], of the output.
        features, weight, sources, targets, counts, identity, order, starts: as in `multiply`.
        wants_features, wants_weight: whether the first gradient is wanted, and the second.
    """
    blocks = list(_blocks(sources, targets, counts, len(weight), starts))
    for_features = features.new_empty(features.shape if wants_features else 0)
    for_weight = weight.new_zeros(weight.shape if wants_weight else 0)
    gathered, products = _workspaces(blocks, features, weight.shape[2], weight.shape[1])
    memory = workspace(features, len(gathered), weight.shape[1])
    factors, sums = weight.transpose(1, 2).unbind()[::-1], for_weight.unbind()[::-1]
    for block in blocks:
        summands = products[: sum(block.sizes)]
        for (k, rows, own), product in zip(block.pieces, torch.split(summands, block.sizes), strict=True):
            upstream = take(gradient, rows, gathered)
            if wants_weight:
                sums[k].addmm_(take(features, own, memory).t(), upstream)
            if wants_features:
                torch.mm(upstream, factors[k], out=product)
        if wants_features:
            torch.mm(gradient[block.rows], factors[identity], out=for_features[block.rows])
            _add(block, summands, order, starts, for_features)
    if wants_weight:
        torch.mm(features.t(), gradient, out=for_weight[identity])
    return for_features, for_weight


def _blocks(sources: Tensor, targets: Tensor, counts: Sequence[int], offsets: int, starts: Tensor) -> Iterator[_Block]:
    from_rows, to_rows = (torch.split(rows, list(counts)) for rows in (sources, targets))
    stop, rows = 0, len(starts) - 1
    for top in range(0, rows, BLOCK_ROWS):
        first = top // BLOCK_ROWS * offsets
        pieces = [(k, from_rows[first + k], to_rows[first + k]) for k in range(offsets) if counts[first + k]]
        sizes = [len(taken) for _, taken, _ in pieces]
        start, stop = stop, stop + sum(sizes)
        yield _Block(slice(top, min(top + BLOCK_ROWS, rows)), slice(start, stop), pieces, sizes)


def _workspaces(blocks: list[_Block], like: Tensor, read: int, written: int) -> tuple[Tensor, Tensor]:
    """Return memory for the gathered rows of the largest piece and for the products of the largest block."""
    piece = max((max(block.sizes, default=0) for block in blocks), default=0)
    pairs = max((sum(block.sizes) for block in blocks), default=0)
    return workspace(like, piece, read), workspace(like, pairs, written)


def _add(block: _Block, products: Tensor, order: Tensor, starts: Tensor, output: Tensor) -> None:
    """Add the sum of its products to each output."""
    bounds = starts[block.rows.start : block.rows.stop + 1] - block.pairs.start
    output[block.rows] += embedding_bag(order[block.pairs], products, bounds, mode="sum", include_last_offset=True)
