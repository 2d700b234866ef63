"""Engines with faults of real libraries: weights in the wrong order, a data race, a crash, a missing device."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import count

from torch import Tensor

from backbones.sparse.engine import Direction, EngineError
from backbones.sparse.geometry import Geometry
from backbones.sparse.kernel_map import KernelMap
from backbones.sparse.portable import PortableEngine


@dataclass(frozen=True)
class Sound:
    """The portable engine under a name that it shares with the engines below."""

    name: str = "broken"
    version: str = "0"

    def supports(self, geometry: Geometry) -> bool:
        return True

    def convolve(self, features: Tensor, weight: Tensor, kernel_map: KernelMap, direction: Direction) -> Tensor:
        return PortableEngine().convolve(features, weight, kernel_map, direction)


class WrongOrder(Sound):
    """Takes offsets x fastest, as some libraries do."""

    def convolve(self, features: Tensor, weight: Tensor, kernel_map: KernelMap, direction: Direction) -> Tensor:
        turned = weight.view(*kernel_map.geometry.kernel_size, *weight.shape[1:]).transpose(0, 2).reshape(weight.shape)
        return super().convolve(features, turned, kernel_map, direction)


class NotANumber(Sound):
    """Gives no number, which no comparison notices by itself."""

    def convolve(self, features: Tensor, weight: Tensor, kernel_map: KernelMap, direction: Direction) -> Tensor:
        return super().convolve(features, weight, kernel_map, direction) * float("nan")


class Crashing(Sound):
    """Raises what no contract foresees."""

    def convolve(self, features: Tensor, weight: Tensor, kernel_map: KernelMap, direction: Direction) -> Tensor:
        raise IndexError("out of range in a library\nand a second line")


class NoSuchDevice(Sound):
    """Computes on none of our devices."""

    def convolve(self, features: Tensor, weight: Tensor, kernel_map: KernelMap, direction: Direction) -> Tensor:
        raise EngineError("The engine 'broken' computes on abacuses alone.")


class OnlyFloor(Sound):
    """Can't express the window rule."""

    def supports(self, geometry: Geometry) -> bool:
        return geometry.rule != "window"


@dataclass(frozen=True)
class Drifting(Sound):
    """Adds an error below every tolerance that changes from call to call, as a race between threads does."""

    calls: count[int] = field(default_factory=count)

    def convolve(self, features: Tensor, weight: Tensor, kernel_map: KernelMap, direction: Direction) -> Tensor:
        return super().convolve(features, weight, kernel_map, direction) * (1 + 3e-7 * (next(self.calls) % 5))
