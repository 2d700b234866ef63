"""The reference engine: plain PyTorch, on any device, deterministic."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from backbones.sparse.engine import Direction
from backbones.sparse.geometry import Geometry
from backbones.sparse.kernel_map import KernelMap
from backbones.sparse.ops import sparse_conv


@dataclass(frozen=True)
class PortableEngine:
    """Sparse convolution in plain PyTorch: any float type, any device, any geometry."""

    name: ClassVar[str] = "portable"
    version: ClassVar[str] = "1"

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
        sources, targets, read, written = kernel_map.inputs, kernel_map.outputs, kernel_map.in_rows, kernel_map.out_rows
        if direction == "inverse":
            sources, targets, read, written = targets, sources, written, read
        if features.dtype != weight.dtype:
            raise ValueError(f"features are {features.dtype} but the weight is {weight.dtype}")
        if features.shape != (read, weight.shape[1]) or len(weight) != len(kernel_map.counts):
            raise ValueError(
                f"features {list(features.shape)} and weight {list(weight.shape)} do not fit a map of "
                f"{read} rows and {len(kernel_map.counts)} offsets"
            )
        identity = kernel_map.geometry.identity
        output: Tensor = sparse_conv(features, weight, sources, targets, kernel_map.counts, written, identity)
        return output


def load() -> PortableEngine:
    """Return the engine."""
    return PortableEngine()
