"""Sparse convolution along the pairs of a kernel map: two operators whose work torch's FLOP counter knows.

They compute in one of three ways, which differ in speed and in the last bits: the compiled kernel, blocks of outputs
(`backbones.sparse.blocks`) or chunks of pairs (`backbones.sparse.chunks`). The caller chooses.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils.flop_counter import register_flop_formula

from backbones.sparse import blocks, chunks
from backbones.sparse.native.kernel import the_kernel


@torch.library.custom_op("backbones::sparse_conv", mutates_args=())
def sparse_conv(
    features: Tensor,
    weight: Tensor,
    sources: Tensor,
    targets: Tensor,
    counts: Sequence[int],
    rows: int,
    identity: int,
    order: Tensor | None = None,
    starts: Tensor | None = None,
    native: bool = False,
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
        order: with `starts` and with pairs and counts as in `backbones.sparse.blocks.Blocks`, to sum by blocks. Only
            for a map with an `identity`, on a CPU, in float32 or float64.
        starts: see `order`.
        native: whether the compiled kernel computes; only on a CPU, in float32, without `order`.

    Returns:
        [M, C_out], of the same type.
    """
    features = features.contiguous()
    if native:
        return the_kernel().multiply(features, weight, sources, targets, counts, rows)
    if order is not None and starts is not None:
        return blocks.multiply(features, weight, sources, targets, counts, identity, order, starts)
    return chunks.multiply(features, weight, sources, targets, counts, rows, identity)


@torch.library.custom_op("backbones::sparse_conv_backward", mutates_args=())
def sparse_conv_backward(
    gradient: Tensor,
    features: Tensor,
    weight: Tensor,
    sources: Tensor,
    targets: Tensor,
    counts: Sequence[int],
    identity: int,
    order: Tensor | None,
    starts: Tensor | None,
    native: bool,
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
        counts: integers.
        identity: an offset or −1.
        order: [P] int64 or None.
        starts: [M + 1] int64 or None.
        native: whether the compiled kernel computes.
        wants_features: whether the first gradient is wanted.
        wants_weight: whether the second gradient is wanted.

    Returns:
        [V, C_in] and [K, C_in, C_out]; one that is not wanted is empty.
    """
    gradient, features, wants = gradient.contiguous(), features.contiguous(), (wants_features, wants_weight)
    pairs = sources, targets, counts
    if native:
        return the_kernel().differentiate(gradient, features, weight, *pairs, *wants)
    if order is not None and starts is not None:
        return blocks.differentiate(gradient, features, weight, *pairs, identity, order, starts, *wants)
    return chunks.differentiate(gradient, features, weight, *pairs, identity, *wants)


@sparse_conv.register_fake
def _sparse_conv_shape(
    features: Tensor, weight: Tensor, sources: Tensor, targets: Tensor, counts: Sequence[int], rows: int, *how: Any
) -> Tensor:
    return features.new_empty(rows, weight.shape[2])


@sparse_conv_backward.register_fake
def _sparse_conv_backward_shapes(
    gradient: Tensor, features: Tensor, weight: Tensor, *how: Any
) -> tuple[Tensor, Tensor]:
    *_, wants_features, wants_weight = how
    for_features = features.new_empty(features.shape if wants_features else 0)
    return for_features, weight.new_empty(weight.shape if wants_weight else 0)


def _remember(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    features, weight, sources, targets, ctx.counts, _, ctx.identity, order, starts, ctx.native = inputs
    ctx.save_for_backward(features, weight, sources, targets, order, starts)


def _differentiate(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
    wants_features, wants_weight = ctx.needs_input_grad[:2]
    *factors_and_pairs, order, starts = ctx.saved_tensors
    how = ctx.counts, ctx.identity, order, starts, ctx.native
    for_features, for_weight = sparse_conv_backward(gradient, *factors_and_pairs, *how, wants_features, wants_weight)
    return for_features if wants_features else None, for_weight if wants_weight else None, *[None] * 8


sparse_conv.register_autograd(_differentiate, setup_context=_remember)


@register_flop_formula(torch.ops.backbones.sparse_conv)
def _sparse_conv_flops(features: Any, weight: Any, sources: Any, *how: Any, **shape: Any) -> int:
    """Two operations per multiply-accumulate, P · C_in · C_out of these."""
    order = how[4] if len(how) > 4 else None
    return 2 * _pairs(features, sources, order) * int(weight[1] * weight[2])


@register_flop_formula(torch.ops.backbones.sparse_conv_backward)
def _sparse_conv_backward_flops(
    gradient: Any, features: Any, weight: Any, sources: Any, *how: Any, **shape: Any
) -> int:
    """As many operations as forward for each gradient that is wanted."""
    _, _, _, order, *_, wants_features, wants_weight = how
    return 2 * _pairs(features, sources, order) * int(weight[1] * weight[2]) * (int(wants_features) + int(wants_weight))


def _pairs(features: Any, sources: Any, order: Any) -> int:
    """Return P from the shapes of tensors; blocks do not list the pair of every row with itself."""
    return int(sources[0] if order is None else sources[0] + features[0])
