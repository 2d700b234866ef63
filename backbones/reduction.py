"""Maximum and mean of the rows of each segment: the points of a voxel, the voxels of a supervoxel.

In plain torch both give the same bits on every run, forward and backward, on any number of threads and on CUDA: a
maximum and a count of ties have no order, and a mean adds the rows of a segment one after another.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

import torch
from torch import Tensor

from backbones.scatter import installed, scatter_max, scatter_mean
from backbones.sparse.chunks import CACHE_BYTES, DEVICE_BYTES, sum_type, take, workspace

Reduction: TypeAlias = Literal["max", "mean"]
Library: TypeAlias = Literal["torch", "torch_scatter"]

FASTEST: Mapping[tuple[str, Reduction], Library] = {("cpu", "max"): "torch", ("cpu", "mean"): "torch"}
"""By device type, as `tests/bench/test_bench_reduction.py` finds it; what it has not measured is left to torch."""


def segment_max(values: Tensor, segment: Tensor, segments: int, library: Library | None = None) -> Tensor:
    """Return the largest value of each segment, channel by channel.

    Where several rows have the maximum, torch gives each an equal share of its gradient, as `torch.amax` does, and
    torch-scatter gives one of them all of it.

    Args:
        values: [N, C] float.
        segment: [N] int64 in 0..segments − 1, in any order.
        segments: S, number of segments.
        library: what computes it; None for the fastest that is installed.

    Returns:
        [S, C]; 0 for a segment without rows.

    Raises:
        ValueError: the shapes differ, or a row's segment is out of range.
        ImportError: the library is not installed.
    """
    _check(values, segment, segments)
    if choose_library(values.device.type, "max", library) == "torch_scatter":
        return scatter_max(values, segment, segments)
    largest: Tensor = _Max.apply(values, segment, segments)  # type: ignore[no-untyped-call]
    return largest


def segment_mean(values: Tensor, segment: Tensor, segments: int, library: Library | None = None) -> Tensor:
    """Return the mean of each segment, channel by channel; torch sums half types in float32.

    Args:
        values: [N, C] float.
        segment: [N] int64 in 0..segments − 1, in any order.
        segments: S, number of segments.
        library: what computes it; None for the fastest that is installed.

    Returns:
        [S, C]; 0 for a segment without rows.

    Raises:
        ValueError: the shapes differ, or a row's segment is out of range.
        ImportError: the library is not installed.
    """
    _check(values, segment, segments)
    if choose_library(values.device.type, "mean", library) == "torch_scatter":
        return scatter_mean(values, segment, segments)
    mean: Tensor = _Mean.apply(values, segment, segments)  # type: ignore[no-untyped-call]
    return mean


def choose_library(device_type: str, reduction: Reduction, named: Library | None = None) -> Library:
    """Return the library that was named, else the fastest on such a device that is installed."""
    if named is not None:
        return named
    fastest = FASTEST.get((device_type, reduction), "torch")
    return fastest if fastest == "torch" or installed() else "torch"


class _Max(torch.autograd.Function):
    """`scatter_reduce` forward; its own backward pass takes six times as long as this one."""

    @staticmethod
    def forward(ctx: Any, values: Tensor, segment: Tensor, segments: int) -> Tensor:
        largest = values.new_zeros(segments, values.shape[1])
        index = segment[:, None].expand_as(values)
        largest.scatter_reduce_(0, index, values, "amax", include_self=False)
        ctx.save_for_backward(values, segment, largest)
        return largest

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        values, segment, largest = ctx.saved_tensors
        room = CACHE_BYTES if values.device.type == "cpu" else DEVICE_BYTES
        rows = max(1, min(len(values), room // max(1, values.element_size() * values.shape[1])))
        memory = workspace(values, rows, values.shape[1])
        result, ties = torch.empty_like(values), torch.zeros_like(largest, dtype=sum_type(largest))
        pieces = [torch.split(tensor, rows) for tensor in (values, segment, result)]
        for part, of, hits in zip(*pieces, strict=True):
            torch.eq(part, take(largest, of, memory), out=hits)
            ties.index_add_(0, of, hits.to(ties.dtype))
        share = (gradients[0] / ties.clamp_(min=1)).to(values.dtype)
        for _, of, hits in zip(*pieces, strict=True):
            hits.mul_(take(share, of, memory))
        return result, None, None


class _Mean(torch.autograd.Function):
    """One bag of rows per segment forward, one gather backward."""

    @staticmethod
    def forward(ctx: Any, values: Tensor, segment: Tensor, segments: int) -> Tensor:
        counts, order = torch.bincount(segment, minlength=segments), torch.argsort(segment, stable=True)
        ctx.save_for_backward(segment, counts)
        rows, starts = values.to(sum_type(values)), torch.cumsum(counts, 0) - counts
        sums = torch.nn.functional.embedding_bag(order, rows, starts, mode="sum")
        return sums.div_(counts.clamp(min=1)[:, None]).to(values.dtype)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        segment, counts = ctx.saved_tensors
        share = gradients[0] / counts.clamp(min=1)[:, None].to(sum_type(gradients[0]))
        return share.to(gradients[0].dtype).index_select(0, segment), None, None


def _check(values: Tensor, segment: Tensor, segments: int) -> None:
    if values.ndim != 2 or segment.shape != values.shape[:1]:
        raise ValueError(f"values must be [N, C] and segment [N], not {list(values.shape)} and {list(segment.shape)}")
    if len(segment):
        low, high = (int(end) for end in torch.aminmax(segment))
        if low < 0 or high >= segments:
            raise ValueError(f"segments lie in {low}..{high}, not in 0..{segments - 1}")
