"""The engine of torchsparse 2.1 (mit-han-lab/torchsparse, MIT): its gather-scatter dataflow, on CUDA."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from types import SimpleNamespace
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor

from backbones.sparse.engine import Direction, EngineError, get_engine, import_library
from backbones.sparse.geometry import Geometry
from backbones.sparse.kernel_map import KernelMap
from backbones.sparse.library import convolve_with

REMEDY = (
    "It is in no package index: with a CUDA torch, nvcc and libsparsehash-dev, type: "
    "pip install --no-build-isolation git+https://github.com/mit-han-lab/torchsparse.git@v2.1.0"
)
UNGROUPED = {"epsilon": 0.0, "mm_thresh": 0}
"""One product per offset, in the order of the offsets: the dataflow without its adaptive grouping."""


@dataclass(frozen=True)
class _Bound:
    """A convolution along one neighbour map, as `backbones.sparse.library.BoundConvolution` asks for.

    Attributes:
        function: the library's autograd function, which is called without its context being part of a graph.
        neighbours: the library's dictionary of a kernel map.
        transposed: whether it is read from outputs to inputs.
    """

    function: Any
    neighbours: dict[str, Any]
    transposed: bool

    def forward(self, features: Tensor, weight: Tensor) -> Tensor:
        fitted = self._fit(weight)
        output: Tensor = self.function.forward(
            SimpleNamespace(), features, fitted, self.neighbours, UNGROUPED, self.transposed
        )
        return output

    def backward(self, gradient: Tensor, features: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
        saved = features, self._fit(weight), self.neighbours["nbmaps"], self.neighbours["nbsizes"], self.transposed
        for_features, for_weight, *_ = self.function.backward(SimpleNamespace(for_backwards=saved), gradient)
        return for_features, for_weight[: len(weight)].contiguous()

    def _fit(self, weight: Tensor) -> Tensor:
        """Append zeros for the empty offset of `neighbour_map`, if it has one."""
        extra = len(self.neighbours["nbsizes"]) - len(weight)
        return torch.cat([weight, weight.new_zeros(extra, *weight.shape[1:])]) if extra else weight


class TorchsparseEngine:
    """Convolution along this project's own pairs, so that any geometry can be expressed.

    Args:
        version: of the library.
        function: its ``GatherScatterConvolutionFuntion`` (so spelled).
        devices: types of the devices on which it computes.
    """

    name = "torchsparse"

    def __init__(self, version: str, function: Any, devices: tuple[str, ...]) -> None:
        self.version = version
        self._function, self._devices = function, devices
        self._maps: WeakKeyDictionary[KernelMap, dict[str, Any]] = WeakKeyDictionary()

    def __reduce__(self) -> tuple[Any, ...]:
        """Copies and pickles lead back to the one engine, which owns the maps."""
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
            raise EngineError(f"The engine 'torchsparse' computes on CUDA, not on {features.device.type}.")
        return convolve_with(lambda: self._bind(kernel_map, direction), features, weight, kernel_map, direction)

    def executed_macs(self, kernel_map: KernelMap, c_in: int, c_out: int, direction: Direction) -> None:
        """Return None: the library, which was never run here, does not tell; see `backbones.sparse.engine.Engine`."""
        return None

    def _bind(self, kernel_map: KernelMap, direction: Direction) -> _Bound:
        if kernel_map not in self._maps:
            self._maps[kernel_map] = neighbour_map(kernel_map)
        return _Bound(self._function, self._maps[kernel_map], direction == "inverse")


@cache
def load() -> TorchsparseEngine:
    """Return the engine.

    Raises:
        EngineError: torchsparse can't be imported, is older than 2.1, or there is no CUDA device.
    """
    if not torch.cuda.is_available():
        raise EngineError(f"The engine 'torchsparse' needs a CUDA device; torch finds none here. {REMEDY}")
    version = import_library("torchsparse", "torchsparse", REMEDY).__version__
    module = import_library("torchsparse", "torchsparse.nn.functional.conv.func.gather_scatter", REMEDY)
    return TorchsparseEngine(version, module.GatherScatterConvolutionFuntion, devices=("cuda",))


@torch.inference_mode(mode=False)
def neighbour_map(kernel_map: KernelMap) -> dict[str, Any]:
    """Return a kernel map as the library's dictionary: pairs [P, 2] int32 by offset, and pairs per offset.

    The library takes the middle offset of an odd kernel for the one that joins every row with itself as soon as there
    are as many outputs as inputs, which a strided convolution may happen to have. An empty offset at the end makes the
    number even where the middle one is nothing special.
    """
    odd = len(kernel_map.counts) % 2 == 1
    counts = (*kernel_map.counts, 0) if odd and not kernel_map.geometry.symmetric else kernel_map.counts
    unused = torch.empty(0, dtype=torch.int32, device=kernel_map.inputs.device)
    return {
        "nbmaps": torch.stack([kernel_map.inputs, kernel_map.outputs], dim=1).int(),
        "nbsizes": torch.tensor(counts, dtype=torch.int32),
        "sizes": (kernel_map.in_rows, kernel_map.out_rows),
        "input_mask": unused,
        "output_mask": unused,
    }
