"""Which kernel map a submanifold convolution uses: that of its own kernel, or the first its block stored."""

from __future__ import annotations

from typing import Literal, Protocol

from backbones.sparse.geometry import Triple
from backbones.sparse.kernel_map import KernelMap
from backbones.sparse.tensor import SparseTensor


class Rulebook(Protocol):
    """Where the submanifold convolutions of one forward pass find their maps."""

    def find(self, key: str, kernel_size: Triple, x: SparseTensor) -> KernelMap:
        """Return the map for a layer.

        Args:
            key: names the layers that the released code lets share a map; all of them are on the same voxels.
            kernel_size: of the layer.
            x: the layer's input.
        """
        ...


class AsDescribed:
    """Every kernel has its own map, as in the paper."""

    def find(self, key: str, kernel_size: Triple, x: SparseTensor) -> KernelMap:
        """Return the map of this kernel; see `Rulebook`."""
        return x.maps.submanifold(x.coordinates, kernel_size)


class AsReleased:
    """One dictionary per forward pass, shared by all its tensors: a map found under the key is used for any kernel.

    So the released network ran on spconv 1.2.1: directional kernels of a block collapse to the orientation of its
    first, and a kernel with more weights than the stored map has offsets never uses the rest.
    """

    def __init__(self) -> None:
        self._stored: dict[str, KernelMap] = {}

    def find(self, key: str, kernel_size: Triple, x: SparseTensor) -> KernelMap:
        """Return the first map that was asked for under this key; see `Rulebook`."""
        if key not in self._stored:
            self._stored[key] = x.maps.submanifold(x.coordinates, kernel_size)
        return self._stored[key]


def open_rulebook(kind: Literal["as_described", "as_released"]) -> Rulebook:
    """Return the rulebook of one forward pass."""
    return AsDescribed() if kind == "as_described" else AsReleased()
