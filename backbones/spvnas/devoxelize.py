"""Trilinear reading of voxel features at points: two operators whose work torch's FLOP counter knows.

Both are segment sums in a fixed order, hence repeatable on any device.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import embedding_bag
from torch.utils.flop_counter import register_flop_formula

from backbones.spvnas.interpolation import CORNERS


@torch.library.custom_op("backbones::devoxelize", mutates_args=())
def devoxelize(features: Tensor, voxels: Tensor, starts: Tensor, weights: Tensor) -> Tensor:
    """Return for every point the weighted sum of the features at its corners; zeros for a point without any.

    Args:
        features: [M, C] float.
        voxels: [P] int64, corners point by point; this and the following as in `Corners`.
        starts: [N] int64.
        weights: [P] float32.

    Returns:
        [N, C], of the features' type.
    """
    return _sum(features, voxels, starts, weights)


@torch.library.custom_op("backbones::devoxelize_backward", mutates_args=())
def devoxelize_backward(gradient: Tensor, voxels: Tensor, starts: Tensor, weights: Tensor, rows: int) -> Tensor:
    """Return the gradient [M, C] of `devoxelize` for its features.

    Args:
        gradient: [N, C], of the output.
        voxels: this and the following as given to `devoxelize`.
        starts: [N] int64.
        weights: [P] float32.
        rows: number of voxels M.
    """
    ends = torch.cat([starts[1:], starts.new_tensor([len(voxels)])])
    points = torch.repeat_interleave(ends - starts)
    by_voxel, order = torch.sort(voxels, stable=True)
    begins = torch.searchsorted(by_voxel, torch.arange(rows, device=voxels.device))
    return _sum(gradient, points[order], begins, weights[order])


def _sum(table: Tensor, rows: Tensor, starts: Tensor, weights: Tensor) -> Tensor:
    """Return Σ weight · table[row] over each segment of rows."""
    if not len(table) or not len(starts):
        return table.new_zeros((len(starts), table.shape[1]))
    return embedding_bag(rows, table.contiguous(), starts, mode="sum", per_sample_weights=weights.to(table.dtype))


@devoxelize.register_fake
def _devoxelize_shape(features: Tensor, voxels: Tensor, starts: Tensor, weights: Tensor) -> Tensor:
    return features.new_empty(len(starts), features.shape[1])


@devoxelize_backward.register_fake
def _devoxelize_backward_shape(gradient: Tensor, voxels: Tensor, starts: Tensor, weights: Tensor, rows: int) -> Tensor:
    return gradient.new_empty(rows, gradient.shape[1])


def _remember(ctx: Any, inputs: tuple[Tensor, ...], output: Tensor) -> None:
    features, *corners = inputs
    ctx.rows = len(features)
    ctx.save_for_backward(*corners)


def _differentiate(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
    return devoxelize_backward(gradient, *ctx.saved_tensors, ctx.rows), None, None, None


devoxelize.register_autograd(_differentiate, setup_context=_remember)


@register_flop_formula(torch.ops.backbones.devoxelize)
def _devoxelize_flops(features: Any, voxels: Any, starts: Any, *rest: Any, **shape: Any) -> int:
    """Two operations per multiply-accumulate: one for each corner, absent or not, of every point and channel."""
    operations: int = 2 * CORNERS.volume * starts[0] * features[1]
    return operations


@register_flop_formula(torch.ops.backbones.devoxelize_backward)
def _devoxelize_backward_flops(gradient: Any, *rest: Any, **shape: Any) -> int:
    """As many operations as forward."""
    operations: int = 2 * CORNERS.volume * gradient[0] * gradient[1]
    return operations
