"""One convolution as a piece of work to be timed."""

from __future__ import annotations

import pytest
import torch
from turns import Work

from backbones.sparse.engine import Direction, Engine
from backbones.sparse.kernel_map import KernelMap
from backbones.sparse.native.kernel import load_kernel
from backbones.sparse.portable import PortableEngine


def portable(way: str) -> PortableEngine:
    """Return the portable engine by its way of computing, ``plain`` or ``native``."""
    if way == "native" and load_kernel() is None:
        pytest.skip("no C++ compiler here, so no compiled kernel")
    return PortableEngine(native=way == "native")


def convolution(
    engine: Engine, kernel_map: KernelMap, channels: int, training: bool, direction: Direction = "forward"
) -> Work:
    """Inference, or forward and backward with both gradients, on the device of the map."""
    device = kernel_map.inputs.device
    read, written = kernel_map.in_rows, kernel_map.out_rows
    if direction == "inverse":
        read, written = written, read
    features = torch.randn(read, channels, device=device, requires_grad=training)
    shape = len(kernel_map.counts), channels, channels
    weight = torch.randn(shape, device=device, requires_grad=training)
    upstream = torch.randn(written, channels, device=device)

    def run() -> None:
        output = engine.convolve(features, weight, kernel_map, direction)
        if training:
            torch.autograd.grad(output, (features, weight), upstream)
        if device.type == "cuda":
            torch.cuda.synchronize(device)

    return run
