"""Gather, multiply, scatter over the pairs of a kernel map: two operators whose work torch's FLOP counter knows.

Pairs are taken offset by offset, in chunks whose rows stay in the processor's cache. At one offset an output row occurs
at most once, so that no two additions of a scatter meet: results are repeatable, on CUDA as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils.flop_counter import register_flop_formula

from backbones.sparse.chunks import begin, chunk_rows, chunks, sum_type, take, workspace


@torch.library.custom_op("backbones::sparse_conv", mutates_args=())
def sparse_conv(
    features: Tensor, weight: Tensor, sources: Tensor, targets: Tensor, counts: Sequence[int], rows: int, identity: int
) -> Tensor:
    """Add features[sources[p]] · weight[k] to output row targets[p], for every pair p of every offset k.

    Args:
        features: [V, C_in] float. Half types are multiplied as they are and summed in float32.
        weight: [K, C_in, C_out], of the same type.
        sources: [P] int64, ordered by offset, without repetition within an offset.
        targets: [P] int64, likewise.
        counts: pairs per offset, K integers.
        rows: output rows M.
        identity: the offset at which every row meets itself, −1 if there is none.

    Returns:
        [M, C_out], of the same type.
    """
    features = features.contiguous()
    output = begin(features, weight, rows, identity)
    limit = chunk_rows(counts, features, weight)
    gathered, product = workspace(features, limit, weight.shape[1]), workspace(features, limit, weight.shape[2])
    for k, pairs in chunks(counts, limit, identity):
        taken = take(features, sources[pairs], gathered)
        summand = torch.mm(taken, weight[k], out=product[: len(taken)])
        output.index_add_(0, targets[pairs], summand.to(output.dtype))
    return output.to(features.dtype)


@torch.library.custom_op("backbones::sparse_conv_backward", mutates_args=())
def sparse_conv_backward(
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
    """Return the gradients of `sparse_conv` for its features and its weight.

    Args:
        gradient: [M, C_out], of the output.
        features: this and the following as given to `sparse_conv`.
        weight: [K, C_in, C_out].
        sources: [P] int64.
        targets: [P] int64.
        counts: K integers.
        identity: an offset or −1.
        wants_features: whether the first gradient is wanted.
        wants_weight: whether the second gradient is wanted.

    Returns:
        [V, C_in] and [K, C_in, C_out]; one that is not wanted is empty.
    """
    gradient, features, flipped = gradient.contiguous(), features.contiguous(), weight.transpose(1, 2)
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


@sparse_conv.register_fake
def _sparse_conv_shape(
    features: Tensor, weight: Tensor, sources: Tensor, targets: Tensor, counts: Sequence[int], rows: int, identity: int
) -> Tensor:
    return features.new_empty(rows, weight.shape[2])


@sparse_conv_backward.register_fake
def _sparse_conv_backward_shapes(
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
    for_features = features.new_empty(features.shape if wants_features else 0)
    return for_features, weight.new_empty(weight.shape if wants_weight else 0)


def _remember(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    ctx.save_for_backward(*inputs[:4])
    ctx.counts, _, ctx.identity = inputs[4:]


def _differentiate(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
    wants_features, wants_weight = ctx.needs_input_grad[:2]
    for_features, for_weight = sparse_conv_backward(
        gradient, *ctx.saved_tensors, ctx.counts, ctx.identity, wants_features, wants_weight
    )
    return for_features if wants_features else None, for_weight if wants_weight else None, None, None, None, None, None


sparse_conv.register_autograd(_differentiate, setup_context=_remember)


@register_flop_formula(torch.ops.backbones.sparse_conv)
def _sparse_conv_flops(features: Any, weight: Any, sources: Any, *rest: Any, **shape: Any) -> int:
    """Two operations per multiply-accumulate, P · C_in · C_out of these."""
    operations: int = 2 * sources[0] * weight[1] * weight[2]
    return operations


@register_flop_formula(torch.ops.backbones.sparse_conv_backward)
def _sparse_conv_backward_flops(
    gradient: Any, features: Any, weight: Any, sources: Any, *rest: Any, **shape: Any
) -> int:
    """As many operations as forward for each gradient that is wanted."""
    *_, wants_features, wants_weight = rest
    operations: int = 2 * sources[0] * weight[1] * weight[2] * (wants_features + wants_weight)
    return operations
