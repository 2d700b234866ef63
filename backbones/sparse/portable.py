"""The reference engine: plain PyTorch on any device, and a kernel compiled on the spot for float32 on a CPU."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import ClassVar

import torch
from torch import Tensor

from backbones.sparse.engine import Direction, EngineError
from backbones.sparse.geometry import Geometry
from backbones.sparse.kernel_map import KernelMap
from backbones.sparse.native.kernel import Kernel, load_kernel, the_kernel
from backbones.sparse.ops import sparse_conv


@dataclass(frozen=True)
class PortableEngine:
    """Sparse convolution for any float type, any device, any geometry; deterministic.

    The compiled kernel and plain PyTorch sum in another order and differ in the last bits. The version tells which of
    them ran: a run is repeated, or resumed after an interruption, bit for bit only by the same one.

    Attributes:
        native: whether the compiled kernel computes what it can, float32 on a CPU. Plain PyTorch is the default, so
            that making a layer neither starts a compiler nor depends on the machine; `load` takes the kernel.

    Raises:
        EngineError: `native` on a machine where the kernel can't be had.
    """

    native: bool = False
    name: ClassVar[str] = "portable"

    def __post_init__(self) -> None:
        if self.native and load_kernel() is None:
            raise EngineError("The compiled kernel of the engine 'portable' can't be had here; the log says why.")

    @property
    def version(self) -> str:
        """The version of the plain arithmetic, or of the compiled one."""
        return "2+c++" if self.native else "2"

    def supports(self, geometry: Geometry) -> bool:
        """Every kernel, stride and rule."""
        return True

    def convolve(self, features: Tensor, weight: Tensor, kernel_map: KernelMap, direction: Direction) -> Tensor:
        """Return output features; see `backbones.sparse.engine.Engine`.

        Inside `torch.autocast` both factors are cast to its type, as for a dense convolution.

        Raises:
            ValueError: features and weight differ in type, or do not fit the map.
        """
        device = features.device.type
        if torch.is_autocast_enabled(device):
            lower = torch.get_autocast_dtype(device)
            features, weight = features.to(lower), weight.to(lower)
        inverse, identity = direction == "inverse", kernel_map.geometry.identity
        read, written = kernel_map.in_rows, kernel_map.out_rows
        if inverse:
            read, written = written, read
        if features.dtype != weight.dtype:
            raise ValueError(f"features are {features.dtype} but the weight is {weight.dtype}")
        if features.shape != (read, weight.shape[1]) or len(weight) != len(kernel_map.counts):
            raise ValueError(
                f"features {list(features.shape)} and weight {list(weight.shape)} do not fit a map of "
                f"{read} rows and {len(kernel_map.counts)} offsets"
            )
        native = self.native and Kernel.serves(features, weight)
        if identity >= 0 and not native and device == "cpu" and features.dtype in (torch.float32, torch.float64):
            # The way back along a symmetric map is the way there with mirrored offsets.
            weight, blocks = weight.flip(0) if inverse else weight, kernel_map.blocks
            pairs = blocks.sources, blocks.targets, blocks.counts, written, identity, blocks.order, blocks.starts
            output: Tensor = sparse_conv(features, weight, *pairs)
            return output
        ends = (kernel_map.outputs, kernel_map.inputs) if inverse else (kernel_map.inputs, kernel_map.outputs)
        output = sparse_conv(features, weight, *ends, kernel_map.counts, written, identity, native=native)
        return output

    def executed_macs(self, kernel_map: KernelMap, c_in: int, c_out: int, direction: Direction) -> int:
        """Return the products of `convolve`; see `backbones.sparse.engine.Engine`.

        Plain PyTorch multiplies every pair once. The compiled kernel fills up its registers.
        """
        if not (self.native and kernel_map.inputs.device.type == "cpu"):
            return kernel_map.pairs * c_in * c_out
        targets, rows = kernel_map.outputs, kernel_map.out_rows
        if direction == "inverse":
            targets, rows = kernel_map.inputs, kernel_map.in_rows
        return the_kernel().products(targets.contiguous(), kernel_map.counts, rows, c_in, c_out)


@cache
def load() -> PortableEngine:
    """Return the engine: with the compiled kernel where that can be had, which takes some seconds the first time."""
    return PortableEngine(native=load_kernel() is not None)
