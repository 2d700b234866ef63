"""What the engines that call another library share: one operator whose work torch's FLOP counter knows, and precision.

A library computes a convolution that is already bound to a kernel map; the operator around it is what autograd and the
FLOP counter see. So every engine counts P · C_in · C_out multiply-accumulates, whatever its library does inside.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.utils.flop_counter import register_flop_formula

from backbones.sparse.engine import Direction
from backbones.sparse.kernel_map import KernelMap


class BoundConvolution(Protocol):
    """A convolution along the pairs of one kernel map, on plain tensors without autograd."""

    def forward(self, features: Tensor, weight: Tensor) -> Tensor:
        """Return [rows, C_out] for features [*, C_in] and weight [K, C_in, C_out], contiguous, of one type."""
        ...

    def backward(self, gradient: Tensor, features: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
        """Return the gradients of features and weight for that of the output [rows, C_out], contiguous."""
        ...


_bound: ContextVar[BoundConvolution] = ContextVar("bound convolution")
"""What the operator runs: an argument of every call that an operator's schema can't carry."""


@dataclass(frozen=True)
class _NoPairs:
    """A convolution of a map without pairs, on which libraries stop or crash."""

    rows: int

    def forward(self, features: Tensor, weight: Tensor) -> Tensor:
        return features.new_zeros(self.rows, weight.shape[2])

    def backward(self, gradient: Tensor, features: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
        return torch.zeros_like(features), torch.zeros_like(weight)


def convolve_with(
    bind: Callable[[], BoundConvolution], features: Tensor, weight: Tensor, kernel_map: KernelMap, direction: Direction
) -> Tensor:
    """Return output features, differentiable in features and weight; checked as the contract says.

    Libraries differ in the half types they take and in how they sum them, so that all of them multiply and sum in
    float32, or in float64 on a CPU. Half types, and `torch.autocast`, only set the type of the result.

    Args:
        bind: gives the library's convolution on this map; called once the arguments are known to fit, for a map that
            has pairs.
        features: this and the following as of `Engine.convolve`.
        weight: [K, C_in, C_out].
        kernel_map: the pairs.
        direction: along the map or back.

    Raises:
        ValueError: features and weight differ in type, do not fit the map, or are float64 on another device than a CPU.
    """
    read, written = kernel_map.in_rows, kernel_map.out_rows
    if direction == "inverse":
        read, written = written, read
    device, kind = features.device.type, features.dtype
    if torch.is_autocast_enabled(device):
        kind = torch.get_autocast_dtype(device)
    elif features.dtype != weight.dtype:
        raise ValueError(f"features are {features.dtype} but the weight is {weight.dtype}")
    if features.shape != (read, weight.shape[1]) or len(weight) != len(kernel_map.counts):
        raise ValueError(
            f"features {list(features.shape)} and weight {list(weight.shape)} do not fit a map of "
            f"{read} rows and {len(kernel_map.counts)} offsets"
        )
    if torch.float64 in (features.dtype, weight.dtype) and device != "cpu":
        raise ValueError(f"this engine computes in float64 on a CPU alone, not on {device}; use the engine 'portable'")
    precise = torch.float64 if kind == torch.float64 else torch.float32
    token = _bound.set(bind() if kernel_map.pairs else _NoPairs(written))
    try:
        output: Tensor = library_conv(features.to(precise), weight.to(precise), kernel_map.pairs)
    finally:
        _bound.reset(token)
    return output.to(kind)


@torch.library.custom_op("backbones::library_conv", mutates_args=())
def library_conv(features: Tensor, weight: Tensor, pairs: int) -> Tensor:
    """Run the bound convolution on features [*, C_in] and weight [K, C_in, C_out]; return [rows, C_out]."""
    with torch.autocast(features.device.type, enabled=False):
        return _bound.get().forward(features.contiguous(), weight.contiguous())


@torch.library.custom_op("backbones::library_conv_backward", mutates_args=())
def library_conv_backward(
    gradient: Tensor, features: Tensor, weight: Tensor, pairs: int, wanted: int
) -> tuple[Tensor, Tensor]:
    """Return the gradients of `library_conv` for its features and its weight; `wanted` says how many are asked for."""
    with torch.autocast(features.device.type, enabled=False):
        return _bound.get().backward(gradient.contiguous(), features.contiguous(), weight.contiguous())


def _remember(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    ctx.save_for_backward(*inputs[:2])
    ctx.pairs, ctx.bound = inputs[2], _bound.get()


def _differentiate(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
    wants_features, wants_weight, _ = ctx.needs_input_grad
    token = _bound.set(ctx.bound)
    try:
        for_features, for_weight = library_conv_backward(
            gradient, *ctx.saved_tensors, ctx.pairs, wants_features + wants_weight
        )
    finally:
        _bound.reset(token)
    return for_features if wants_features else None, for_weight if wants_weight else None, None


library_conv.register_autograd(_differentiate, setup_context=_remember)


@register_flop_formula(torch.ops.backbones.library_conv)
def _flops(features: Any, weight: Any, pairs: int, **shape: Any) -> int:
    """Two operations per multiply-accumulate, P · C_in · C_out of these."""
    operations: int = 2 * pairs * weight[1] * weight[2]
    return operations


@register_flop_formula(torch.ops.backbones.library_conv_backward)
def _backward_flops(gradient: Any, features: Any, weight: Any, pairs: int, wanted: int, **shape: Any) -> int:
    """As many operations as forward for each gradient that is wanted, although libraries compute both."""
    operations: int = 2 * pairs * weight[1] * weight[2] * wanted
    return operations
