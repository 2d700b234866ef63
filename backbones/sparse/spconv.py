"""The engine of spconv 2.3.8 (traveller59/spconv, Apache-2.0), with its ``Native`` algorithm on CUDA and on CPUs."""

from __future__ import annotations

from functools import cache
from types import FunctionType, ModuleType
from typing import Any

import torch

from backbones.sparse.engine import import_library
from backbones.sparse.indexed_pairs import IndexedPairsEngine

REMEDY = "Type: pip install spconv-cu118==2.3.8 (it also computes without a GPU). Never install two builds of spconv."


@cache
def load() -> IndexedPairsEngine:
    """Return the engine.

    Raises:
        EngineError: spconv can't be imported.
    """
    ops = import_library("spconv", "spconv.pytorch.ops", REMEDY)
    version = import_library("spconv", "spconv", REMEDY).__version__
    if ops.CPU_ONLY_BUILD:
        return IndexedPairsEngine("spconv", f"{version}+cpu", *mended(ops), devices=("cpu",))
    compiled = import_library("spconv", "spconv.pytorch.cppcore", REMEDY).CompileInfo
    build = "".join(str(part) for part in compiled.get_compiled_cuda_version())
    return IndexedPairsEngine(
        "spconv", f"{version}+cu{build}", ops.indice_conv, ops.indice_conv_backward, devices=("cpu", "cuda")
    )


def mended(ops: ModuleType) -> tuple[FunctionType, FunctionType]:
    """Return convolution and gradient of the CPU wheel without its two defects; the library stays as it is.

    Backward asks CUDA for its stream although there is none, and the scatter-add of both functions writes rows from
    several threads at once, so that sums are silently wrong with more than one thread. What is returned are the
    library's functions with two of the names they read bound to something else: a stream of 0, and a scatter-add on
    one thread.

    Args:
        ops: the module ``spconv.pytorch.ops``.
    """
    names = {**vars(ops), "get_current_stream": lambda: 0, "SpconvOps": _OneThreadedScatter(ops.SpconvOps)}
    forward, backward = (
        FunctionType(function.__code__, names, function.__name__, function.__defaults__)
        for function in (ops.indice_conv, ops.indice_conv_backward)
    )
    return forward, backward


class _OneThreadedScatter:
    """The library's operators, with a scatter-add that runs on one thread."""

    def __init__(self, operators: Any) -> None:
        self.gather_cpu, self._scatter = operators.gather_cpu, operators.scatter_add_cpu

    def scatter_add_cpu(self, *arguments: Any) -> None:
        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            self._scatter(*arguments)
        finally:
            torch.set_num_threads(threads)
