"""One convolution as a piece of work to be timed, and rivals timed beside it."""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median

import pytest
import torch
from pytest_benchmark.fixture import BenchmarkFixture

from backbones.sparse.kernel_map import KernelMap
from backbones.sparse.native.kernel import load_kernel
from backbones.sparse.portable import PortableEngine

ROUNDS = 9
Work = Callable[[], object]


def portable(way: str) -> PortableEngine:
    """Return the portable engine by its way of computing, ``plain`` or ``native``."""
    if way == "native" and load_kernel() is None:
        pytest.skip("no C++ compiler here, so no compiled kernel")
    return PortableEngine(native=way == "native")


def convolution(engine: PortableEngine, kernel_map: KernelMap, channels: int, training: bool) -> Work:
    """Inference, or forward and backward with both gradients."""
    features = torch.randn(kernel_map.in_rows, channels, requires_grad=training)
    weight = torch.randn(len(kernel_map.counts), channels, channels, requires_grad=training)
    upstream = torch.randn(kernel_map.out_rows, channels)

    def run() -> None:
        output = engine.convolve(features, weight, kernel_map, "forward")
        if training:
            torch.autograd.grad(output, (features, weight), upstream)

    return run


def compare(benchmark: BenchmarkFixture, work: Work, rival: Work, name: str) -> None:
    """Time the work and, before each of its rounds, the rival; record the ratio of the medians under a name."""
    times: list[float] = []

    def time_rival() -> None:
        begin = time.perf_counter()
        rival()
        times.append(time.perf_counter() - begin)

    rival()
    benchmark.pedantic(work, setup=time_rival, rounds=ROUNDS, warmup_rounds=1)  # type: ignore[no-untyped-call]
    assert benchmark.stats is not None
    rival_ms, own_ms = 1e3 * median(times[-ROUNDS:]), 1e3 * benchmark.stats.stats.median
    benchmark.extra_info |= {f"ratio_to_{name}": round(own_ms / rival_ms, 2), f"{name}_ms": round(rival_ms, 1)}
