"""The functional layer of spconv 2, which `spconv_triton` offers as well: convolution on a table of index pairs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor

from backbones.sparse.engine import Direction, EngineError, get_engine
from backbones.sparse.geometry import Geometry
from backbones.sparse.kernel_map import KernelMap
from backbones.sparse.library import convolve_with

Forward = Callable[..., Tensor]
Backward = Callable[..., tuple[Tensor, Tensor]]


@dataclass(frozen=True)
class _TableConvolution:
    """A convolution along one table, as `backbones.sparse.library.BoundConvolution` asks for.

    Attributes:
        library_forward, library_backward: ``indice_conv`` and ``indice_conv_backward`` of the library's ``ops``.
        table: [2, K, N] int32, input and output rows of every pair of every offset, then −1.
        counts: [K] int32, pairs per offset.
        rows: rows of the output.
        inverse: whether the table is read from outputs to inputs.
        submanifold: whether the middle offset joins every row with itself: it becomes one dense product.
    """

    library_forward: Forward
    library_backward: Backward
    table: Tensor
    counts: Tensor
    rows: int
    inverse: bool
    submanifold: bool

    def forward(self, features: Tensor, weight: Tensor) -> Tensor:
        how = self.table, self.counts, self.rows, self.inverse, self.submanifold
        return self.library_forward(features, _to_library(weight), *how)

    def backward(self, gradient: Tensor, features: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
        how = self.table, self.counts, self.inverse, self.submanifold
        for_features, for_weight = self.library_backward(features, _to_library(weight), gradient, *how)
        return for_features, for_weight.permute(1, 2, 0).contiguous()


class IndexedPairsEngine:
    """An engine on a library with spconv's functional layer and its ``Native`` algorithm.

    The pairs are this project's own, so that sites and pairs are those of every other engine, any geometry can be
    expressed, and a map can serve weights of another kernel.

    Args:
        name: by which the engine is chosen.
        version: of the library.
        forward: the library's ``ops.indice_conv``.
        backward: the library's ``ops.indice_conv_backward``.
        devices: types of the devices on which the library computes.
    """

    def __init__(self, name: str, version: str, forward: Forward, backward: Backward, devices: tuple[str, ...]) -> None:
        self.name, self.version = name, version
        self._forward, self._backward, self._devices = forward, backward, devices
        self._tables: WeakKeyDictionary[KernelMap, tuple[Tensor, Tensor]] = WeakKeyDictionary()

    def __reduce__(self) -> tuple[Any, ...]:
        """Copies and pickles lead back to the one engine of this name, which owns the tables."""
        return get_engine, (self.name,)

    def supports(self, geometry: Geometry) -> bool:
        """Every kernel, stride and rule."""
        return True

    def convolve(self, features: Tensor, weight: Tensor, kernel_map: KernelMap, direction: Direction) -> Tensor:
        """Return output features; see `backbones.sparse.engine.Engine`.

        Raises:
            EngineError: the features are on a device on which the library does not compute.
            ValueError: see `backbones.sparse.library.convolve_with`.
        """
        if features.device.type not in self._devices:
            raise EngineError(
                f"The engine '{self.name}' computes on {' and '.join(self._devices)}, not on {features.device.type}."
            )
        return convolve_with(lambda: self._bind(kernel_map, direction), features, weight, kernel_map, direction)

    def executed_macs(self, kernel_map: KernelMap, c_in: int, c_out: int, direction: Direction) -> int | None:
        """Return the products of `convolve`; see `backbones.sparse.engine.Engine`.

        On a CPU the library hands the pairs of each offset to a product of matrices, and no more. On a GPU its tuner
        picks the tiles of its own kernels, and does not tell.
        """
        return kernel_map.pairs * c_in * c_out if kernel_map.inputs.device.type == "cpu" else None

    def _bind(self, kernel_map: KernelMap, direction: Direction) -> _TableConvolution:
        if kernel_map not in self._tables:
            self._tables[kernel_map] = pair_table(kernel_map)
        inverse = direction == "inverse"
        return _TableConvolution(
            self._forward,
            self._backward,
            *self._tables[kernel_map],
            rows=kernel_map.in_rows if inverse else kernel_map.out_rows,
            inverse=inverse,
            submanifold=kernel_map.geometry.symmetric,
        )


@torch.inference_mode(mode=False)
def pair_table(kernel_map: KernelMap) -> tuple[Tensor, Tensor]:
    """Return the pairs as [2, K, N] int32, −1 after the last of an offset, and the pairs per offset, [K] int32."""
    device, offsets = kernel_map.inputs.device, len(kernel_map.counts)
    counts = torch.tensor(kernel_map.counts, device=device)
    width = max(kernel_map.counts)
    offset = torch.arange(offsets, device=device).repeat_interleave(counts)
    place = torch.arange(kernel_map.pairs, device=device) - (counts.cumsum(0) - counts)[offset]
    table = torch.full((2, offsets * width), -1, dtype=torch.int32, device=device)
    table[:, offset * width + place] = torch.stack([kernel_map.inputs, kernel_map.outputs]).int()
    return table.view(2, offsets, width), counts.int()


def _to_library(weight: Tensor) -> Tensor:
    """Turn [K, C_in, C_out] into the library's [C_out, K, C_in]."""
    return weight.permute(2, 0, 1).contiguous()
