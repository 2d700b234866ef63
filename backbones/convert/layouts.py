"""How sparse-convolution libraries store a kernel, to and from [K, C_in, C_out] with offsets x slowest, z fastest."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod

import torch
from torch import Size, Tensor

from backbones.convert.errors import ConversionError
from backbones.sparse.geometry import Geometry, Triple


@dataclass(frozen=True)
class Kernel:
    """A kernel to be read or written.

    Attributes:
        size: cells per axis (x, y, z).
        in_channels: C_in.
        out_channels: C_out.
    """

    size: Triple
    in_channels: int
    out_channels: int


class Layout(ABC):
    """One way to store a kernel; `read` and `write` undo each other bit by bit.

    Attributes:
        name: for messages and for the card of a converted file.
    """

    name: str

    @abstractmethod
    def shape(self, kernel: Kernel) -> tuple[int, ...]:
        """Return the shape under which the kernel is stored."""

    @abstractmethod
    def read(self, stored: Tensor, size: Triple) -> Tensor:
        """Return [K, C_in, C_out] of a stored kernel."""

    @abstractmethod
    def write(self, weight: Tensor, size: Triple) -> Tensor:
        """Return the stored kernel of [K, C_in, C_out]."""


@dataclass(frozen=True)
class Spconv(Layout):
    """Five axes: three of the kernel, x slowest, and the channels somewhere among them.

    Attributes:
        axes: for each stored axis, which of (x, y, z, C_in, C_out) it is.
    """

    name: str
    axes: tuple[int, int, int, int, int]

    def shape(self, kernel: Kernel) -> tuple[int, ...]:
        """Return the shape under which the kernel is stored."""
        plain = (*kernel.size, kernel.in_channels, kernel.out_channels)
        return tuple(plain[axis] for axis in self.axes)

    def read(self, stored: Tensor, size: Triple) -> Tensor:
        """Return [K, C_in, C_out] of a stored kernel."""
        plain = stored.permute([self.axes.index(axis) for axis in range(5)])
        return plain.reshape(prod(size), *plain.shape[3:]).contiguous()

    def write(self, weight: Tensor, size: Triple) -> Tensor:
        """Return the stored kernel of [K, C_in, C_out]."""
        return weight.reshape(*size, *weight.shape[1:]).permute(self.axes).contiguous()


@dataclass(frozen=True)
class Torchsparse(Layout):
    """[K, C_in, C_out] with x fastest where K is odd and x slowest where it is even; [C_in, C_out] where K is 1."""

    name: str

    def shape(self, kernel: Kernel) -> tuple[int, ...]:
        """Return the shape under which the kernel is stored."""
        volume, channels = prod(kernel.size), (kernel.in_channels, kernel.out_channels)
        return channels if volume == 1 else (volume, *channels)

    def read(self, stored: Tensor, size: Triple) -> Tensor:
        """Return [K, C_in, C_out] of a stored kernel."""
        if prod(size) == 1:
            return stored[None].contiguous()
        return stored[self._place_of_offset(size)]

    def write(self, weight: Tensor, size: Triple) -> Tensor:
        """Return the stored kernel of [K, C_in, C_out]."""
        if prod(size) == 1:
            return weight[0].contiguous()
        return weight[torch.argsort(self._place_of_offset(size))]

    @staticmethod
    def _place_of_offset(size: Triple) -> Tensor:
        """Return [K] int64: where the file keeps each offset of `Geometry.offsets`."""
        offsets = Geometry(size).offsets()
        if prod(size) % 2 == 0:
            return torch.arange(len(offsets))
        x_fastest = sorted(offsets, key=lambda offset: offset[::-1])
        return torch.tensor([x_fastest.index(offset) for offset in offsets])


RSCK = Spconv("spconv 1.x (RSCK)", (0, 1, 2, 3, 4))
"""[x, y, z, C_in, C_out]."""

RSKC = Spconv("spconv 2.0-2.1 native (RSKC)", (0, 1, 2, 4, 3))
"""[x, y, z, C_out, C_in], of layers that were put on the algorithm ``Native`` before spconv 2.2."""

KRSC = Spconv("spconv 2.x (KRSC)", (4, 0, 1, 2, 3))
"""[C_out, x, y, z, C_in]."""

TORCHSPARSE = Torchsparse("torchsparse")


def choose_layout(layouts: Sequence[Layout], kernels: Mapping[str, Kernel], stored: Mapping[str, Size]) -> Layout:
    """Return the layout that explains the shapes of a file's kernels; if none explains all, the one that explains most.

    Shapes that fit several layouts, such as [3, 3, 3, 3, 3], are settled by the file's other kernels.

    Args:
        layouts: those that come into question.
        kernels: the wanted kernels by name.
        stored: shapes of the file's tensors by name; it may lack some kernels.

    Raises:
        ConversionError: several layouts explain all.
    """
    there = [name for name in kernels if name in stored]
    explained = [sum(layout.shape(kernels[name]) == tuple(stored[name]) for name in there) for layout in layouts]
    best = [layout for layout, count in zip(layouts, explained, strict=True) if count == max(explained)]
    if len(best) > 1 and max(explained) == len(there) > 0:
        raise ConversionError(
            f"kernels that fit the layouts {' and '.join(layout.name for layout in best)} alike",
            "shapes that tell them apart",
            "Convert a network with different numbers of channels.",
        )
    return best[0]
