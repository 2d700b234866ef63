"""Kernels that this process has compiled or tuned."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

from backbones.sparse.native.kernel import load_kernel


def kernels_made() -> int:
    """Return how many kernels were compiled, loaded or tuned so far; only differences mean something.

    Counted are this project's own C++ kernel, the specialisations of every Triton kernel, and the choices of every
    Triton tuner. Tuners of other libraries keep their count to themselves.
    """
    return load_kernel.cache_info().misses + sum(_entries(found) for found in _triton_kernels())


def _triton_kernels() -> Iterator[Any]:
    """Yield the Triton kernels and tuners that modules hold by a name of their own."""
    runtime = sys.modules.get("triton.runtime")
    if runtime is None:
        return
    kinds, seen = (runtime.JITFunction, runtime.Autotuner), set[int]()
    for module in list(sys.modules.values()):
        names = vars(module) if "triton" in getattr(module, "__dict__", {}) else {}
        for value in list(names.values()):
            while isinstance(value, kinds) and id(value) not in seen:
                seen.add(id(value))
                yield value
                value = getattr(value, "fn", None)


def _entries(kernel: Any) -> int:
    """Return the choices of a tuner, or the specialisations of a kernel on all devices."""
    choices = getattr(kernel, "cache", None)
    if isinstance(choices, dict) and not hasattr(kernel, "device_caches"):
        return len(choices)
    by_device = getattr(kernel, "device_caches", {})
    return sum(len(entry[0]) for entry in by_device.values())
