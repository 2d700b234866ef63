"""The engine of MinkowskiEngine 0.5.4 (NVIDIA/MinkowskiEngine, MIT), on CPUs and, where it was so built, on CUDA."""

from __future__ import annotations

import collections
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from types import ModuleType, SimpleNamespace
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor

from backbones.sparse.engine import Direction, EngineError, get_engine, import_library
from backbones.sparse.geometry import Geometry, Triple
from backbones.sparse.kernel_map import KernelMap
from backbones.sparse.library import convolve_with
from backbones.sparse.minkowski_map import LibraryMap, build_map, turn

REMEDY = (
    "Type: apt-get install libopenblas-dev; then, with setuptools, wheel, ninja and numpy installed: pip install "
    "--no-build-isolation --no-deps --use-pep517 --config-settings='--global-option=--blas=openblas' "
    "MinkowskiEngine==0.5.4 (8 to 13 minutes; the wheel it builds needs Debian's libopenblas0)."
)


@dataclass(frozen=True)
class _Bound:
    """A convolution on the library's own map, as `backbones.sparse.library.BoundConvolution` asks for.

    Attributes:
        function: the library's autograd function, which is called without its context being part of a graph.
        how: what the function takes after features and weight.
        kernel_size: per axis, for the order of the weights.
        read, written: the library's row of each of our rows, of input and output; None where they are the same.
    """

    function: Any
    how: tuple[Any, ...]
    kernel_size: Triple
    read: Tensor | None
    written: Tensor | None

    def forward(self, features: Tensor, weight: Tensor) -> Tensor:
        rows = _to_library(features, self.read)
        output: Tensor = self.function.forward(SimpleNamespace(), rows, turn(weight, self.kernel_size), *self.how)
        return _from_library(output, self.written)

    def backward(self, gradient: Tensor, features: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
        rows, turned = _to_library(features, self.read), turn(weight, self.kernel_size)
        context = SimpleNamespace(input_features=rows, kernel_weights=turned, misc=self.how)
        for_features, for_weight, *_ = self.function.backward(context, _to_library(gradient, self.written))
        x, y, z = self.kernel_size
        return _from_library(for_features, self.read), turn(for_weight, (z, y, x))


class MinkowskiEngine:
    """Submanifold and floor-rule convolutions on the library's own hashed maps, each built once per kernel map.

    The library keeps sites and pairs of its own. They are compared with the kernel map's when they are built, so that
    sites, pairs and multiply-accumulates are those of every other engine.

    Args:
        library: the module ``MinkowskiEngine``.
        mode: the library's default ``ConvolutionMode``.
    """

    name = "minkowski"

    def __init__(self, library: ModuleType, mode: Any) -> None:
        self.version: str = library.__version__
        self._library, self._mode = library, mode
        self._maps: WeakKeyDictionary[KernelMap, LibraryMap] = WeakKeyDictionary()

    def __reduce__(self) -> tuple[Any, ...]:
        """Copies and pickles lead back to the one engine, which owns the maps."""
        return get_engine, (self.name,)

    def supports(self, geometry: Geometry) -> bool:
        """Every kernel of a submanifold or floor-rule convolution; the library has no ``window`` rule."""
        return geometry.rule != "window"

    def convolve(self, features: Tensor, weight: Tensor, kernel_map: KernelMap, direction: Direction) -> Tensor:
        """Return output features; see `backbones.sparse.engine.Engine`.

        Raises:
            EngineError: the map is one that the library can't build, it lacks the device, or ``inverse`` is asked of a
                submanifold map.
            ValueError: see `backbones.sparse.library.convolve_with`.
        """
        if not self.supports(kernel_map.geometry):
            raise EngineError(f"The engine 'minkowski' can't express {kernel_map.geometry}.")
        if direction == "inverse" and kernel_map.geometry.rule == "submanifold":
            raise EngineError("The engine 'minkowski' goes back along maps of strided convolutions alone.")
        if features.is_cuda and not self._library.is_cuda_available():
            raise EngineError(f"The engine 'minkowski' was built without CUDA. {REMEDY}")
        return convolve_with(lambda: self._bind(kernel_map, direction), features, weight, kernel_map, direction)

    def executed_macs(self, kernel_map: KernelMap, c_in: int, c_out: int, direction: Direction) -> int | None:
        """Return the products of `convolve`; see `backbones.sparse.engine.Engine`.

        On a CPU the library hands the pairs of each offset to a product of matrices, and no more. On a GPU it picks
        one of its kernels by size, and does not tell.
        """
        return kernel_map.pairs * c_in * c_out if kernel_map.inputs.device.type == "cpu" else None

    def _bind(self, kernel_map: KernelMap, direction: Direction) -> _Bound:
        if kernel_map not in self._maps:
            self._maps[kernel_map] = build_map(self._library, kernel_map)
        built, library, geometry = self._maps[kernel_map], self._library, kernel_map.geometry
        kernel = library.KernelGenerator(list(geometry.kernel_size), list(geometry.stride), dimension=3)
        function, keys = library.MinkowskiConvolutionFunction, (built.fine, built.coarse)
        rows = built.fine_rows, built.coarse_rows
        if direction == "inverse":
            function, keys, rows = library.MinkowskiConvolutionTransposeFunction, keys[::-1], rows[::-1]
        return _Bound(function, (kernel, self._mode, *keys, built.manager), geometry.kernel_size, *rows)


@cache
def load() -> MinkowskiEngine:
    """Return the engine.

    Raises:
        EngineError: MinkowskiEngine can't be imported.
    """
    # It imports Sequence from where Python 3.10 no longer has it, and warns of what `convolve` says as an error.
    missing = not hasattr(collections, "Sequence")
    if missing:
        collections.Sequence = Sequence  # type: ignore[attr-defined]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            library = import_library("minkowski", "MinkowskiEngine", REMEDY)
            core = import_library("minkowski", "MinkowskiEngineBackend._C", REMEDY)
    finally:
        if missing:
            del collections.Sequence  # type: ignore[attr-defined]
    return MinkowskiEngine(library, core.ConvolutionMode.DEFAULT)


def _to_library(rows: Tensor, order: Tensor | None) -> Tensor:
    return rows if order is None else torch.empty_like(rows).index_copy_(0, order, rows)


def _from_library(rows: Tensor, order: Tensor | None) -> Tensor:
    return rows if order is None else rows.index_select(0, order)
