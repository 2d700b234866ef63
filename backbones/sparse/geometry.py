"""Shape of a sparse convolution: kernel, stride and the rule that says where outputs are."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from math import prod
from typing import Literal, TypeAlias

Triple: TypeAlias = tuple[int, int, int]
Rule: TypeAlias = Literal["submanifold", "floor", "window"]


def triple(size: int | tuple[int, ...], name: str) -> Triple:
    """Return a size per axis (x, y, z), each ≥ 1; one integer serves all three axes."""
    axes = (size,) * 3 if isinstance(size, int) else tuple(size)
    if len(axes) != 3 or min(axes) < 1:
        raise ValueError(f"{name} must be a positive integer or three of them (x, y, z), not {size!r}")
    return axes[0], axes[1], axes[2]


def axis_offsets(size: int) -> range:
    """Return the offsets of one axis: −k//2..k//2 for an odd size, 0..k−1 for an even one."""
    return range(-(size // 2), size // 2 + 1) if size % 2 else range(size)


@dataclass(frozen=True)
class Geometry:
    """Kernel, stride and rule of a sparse convolution.

    An offset is (input − stride · output) on each axis; offsets are numbered x slowest, z fastest.

    Attributes:
        kernel_size: extent of the kernel per axis (x, y, z).
        stride: stride per axis; (1, 1, 1) for a submanifold convolution.
        rule: where the outputs are. ``submanifold``: on the inputs. ``floor``: on ⌊input / stride⌋. ``window``:
            wherever any offset reaches an input, as in a dense strided convolution (padded by k//2 if k is odd).
    """

    kernel_size: Triple
    stride: Triple = (1, 1, 1)
    rule: Rule = "submanifold"

    def __post_init__(self) -> None:
        if self.rule not in ("submanifold", "floor", "window"):
            raise ValueError(f"unknown rule {self.rule!r}; the rules are 'submanifold', 'floor' and 'window'")
        if self.rule == "submanifold" and self.stride != (1, 1, 1):
            raise ValueError(f"a submanifold convolution has stride 1 on every axis, not {self.stride}")

    def __str__(self) -> str:
        """Describe the convolution in a sentence."""
        kernel, stride = ("×".join(map(str, sizes)) for sizes in (self.kernel_size, self.stride))
        step = "" if self.rule == "submanifold" else f" of stride {stride}"
        return f"a {kernel} convolution{step} by the rule '{self.rule}'"

    @property
    def volume(self) -> int:
        """Number of offsets K."""
        return prod(self.kernel_size)

    @property
    def symmetric(self) -> bool:
        """Whether pair (i, o) of offset k comes with pair (o, i) of offset K − 1 − k."""
        return self.rule == "submanifold" and all(size % 2 for size in self.kernel_size)

    @property
    def identity(self) -> int:
        """The offset at which every voxel meets itself, −1 where there is none."""
        return self.volume // 2 if self.symmetric else -1

    def offsets(self) -> list[Triple]:
        """Return the K offsets (dx, dy, dz), x slowest and z fastest."""
        x, y, z = (axis_offsets(size) for size in self.kernel_size)
        return list(product(x, y, z))

    def coarsen(self, extents: Triple) -> Triple:
        """Return the cells per axis of the output grid, ⌈n / stride⌉, for those of the input grid."""
        x, y, z = (-(-cells // step) for cells, step in zip(extents, self.stride, strict=True))
        return x, y, z
