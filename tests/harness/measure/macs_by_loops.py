"""MACs of the three networks written out from their papers, on sets of cells, by plain loops."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import product

Cell = tuple[int, int, int]
Cells = set[Cell]
Triple = tuple[int, int, int]

CUBE, PHI_Z, RHO_Z = (3, 3, 3), (1, 3, 3), (3, 1, 3)
AXES: tuple[Triple, ...] = ((3, 1, 1), (1, 3, 1), (1, 1, 3))


def offsets(kernel: Triple) -> Iterable[Triple]:
    return product(*(range(-(size // 2), size // 2 + 1) if size % 2 else range(size) for size in kernel))


def pairs(inputs: Cells, outputs: Cells, kernel: Triple, stride: Triple = (1, 1, 1)) -> int:
    """Outputs and offsets that meet an input at stride · output + offset."""
    found = 0
    for x, y, z in outputs:
        for dx, dy, dz in offsets(kernel):
            found += (stride[0] * x + dx, stride[1] * y + dy, stride[2] * z + dz) in inputs
    return found


def halved(cells: Cells) -> Cells:
    return {(x // 2, y // 2, z // 2) for x, y, z in cells}


def windowed(cells: Cells, extents: Triple, stride: Triple) -> tuple[Cells, Triple]:
    """Outputs of a dense 3³ convolution padded by 1 whose window holds an input, and their grid."""
    coarse = tuple((n + 2 - 3) // s + 1 for n, s in zip(extents, stride, strict=True))
    out = {
        cell
        for cell in product(*map(range, coarse))
        if any(tuple(s * c + d for s, c, d in zip(stride, cell, o, strict=True)) in cells for o in offsets(CUBE))
    }
    return out, (coarse[0], coarse[1], coarse[2])


class UNet:
    """MinkUNet18 with channels `c` (nine, as published) on the cells of a scan; `pairs` of its maps, each once."""

    def __init__(self, cells: Cells, c: list[int], classes: int) -> None:
        self.c, self.classes, self.levels = c, classes, [cells]
        for _ in range(4):
            self.levels.append(halved(self.levels[-1]))
        self.same = [pairs(level, level, CUBE) for level in self.levels]
        self.between = [
            pairs(fine, coarse, (2, 2, 2), (2, 2, 2))
            for fine, coarse in zip(self.levels[:4], self.levels[1:], strict=True)
        ]

    @property
    def pairs(self) -> int:
        return sum(self.same) + sum(self.between)

    def stage(self, level: int, c_in: int, c_out: int) -> int:
        """Two residual blocks, the first with a shortcut where the width changes."""
        shortcut = len(self.levels[level]) * c_in * c_out if c_in != c_out else 0
        return self.same[level] * (c_in * c_out + 3 * c_out * c_out) + shortcut

    def total(self) -> int:
        c, macs = self.c, self.same[0] * (4 * self.c[0] + self.c[0] ** 2)
        for i in range(4):
            macs += self.between[i] * c[i] ** 2 + self.stage(i + 1, c[i], c[i + 1])
        for i, skip in zip(range(4), (c[3], c[2], c[1], c[0]), strict=True):
            macs += self.between[3 - i] * c[4 + i] * c[5 + i] + self.stage(3 - i, c[5 + i] + skip, c[5 + i])
        return macs + len(self.levels[0]) * c[8] * self.classes


def spvcnn_branch(cells: Cells, c: list[int]) -> tuple[int, int]:
    """Linear layers and interpolation of SPVCNN's points, one for each voxel."""
    z0, z1, z2, z3 = c[0], c[4], c[6], c[8]
    return len(cells) * (z0 * z1 + z1 * z2 + z2 * z3), len(cells) * 8 * (z0 + z1 + z2 + z3)


class Cylinder:
    """Cylinder3D with initial width `w` on the cells of a grid; `pairs` of its maps, each once."""

    STRIDES: tuple[Triple, ...] = ((2, 2, 2), (2, 2, 2), (2, 2, 1), (2, 2, 1))

    def __init__(self, cells: Cells, extents: Triple, w: int, inputs: int, classes: int, released: bool) -> None:
        self.w, self.inputs, self.classes, self.released = w, inputs, classes, released
        self.levels, self.maps = [cells], dict[tuple[int, Triple, bool], int]()
        for stride in self.STRIDES:
            coarse, extents = windowed(self.levels[-1], extents, stride)
            self.levels.append(coarse)

    @property
    def pairs(self) -> int:
        return sum(self.maps.values())

    def at(self, level: int, kernel: Triple, strided: bool = False) -> int:
        key = (level, kernel, strided)
        if key not in self.maps:
            out, stride = (self.levels[level + 1], self.STRIDES[level]) if strided else (self.levels[level], (1, 1, 1))
            self.maps[key] = pairs(self.levels[level], out, kernel, stride)
        return self.maps[key]

    def block(self, level: int, layers: list[tuple[Triple, int, int]]) -> int:
        """Convolutions that share a map in the released code: that of the first."""
        kernel_of: Callable[[Triple], Triple] = (lambda kernel: layers[0][0]) if self.released else (lambda k: k)
        return sum(self.at(level, kernel_of(kernel)) * c_in * c_out for kernel, c_in, c_out in layers)

    def crossed(self, level: int, c_in: int, c_out: int, first: Triple, second: Triple) -> int:
        one = [(first, c_in, c_out), (second, c_out, c_out)]
        return self.block(level, [*one, (second, c_in, c_out), (first, c_out, c_out)])

    def convolutions(self) -> int:
        w = self.w
        macs = self.crossed(0, self.inputs, w, PHI_Z, RHO_Z)
        for level in range(4):
            c_in, c_out = w << level, 2 * w << level
            macs += self.crossed(level, c_in, c_out, RHO_Z, PHI_Z) + self.at(level, CUBE, True) * c_out**2
        for level, c_in, c_out in ((3, 16 * w, 16 * w), (2, 16 * w, 8 * w), (1, 8 * w, 4 * w), (0, 4 * w, 2 * w)):
            macs += self.at(level + 1, CUBE) * c_in * c_out + self.at(level, CUBE, True) * c_out**2
            macs += self.block(level, [(kernel, c_out, c_out) for kernel in (PHI_Z, RHO_Z, CUBE)])
        macs += self.block(0, [(axis, 2 * w, 2 * w) for axis in AXES])
        return macs + self.at(0, CUBE) * 4 * w * self.classes

    def linear(self, points: int) -> int:
        mlp = points * (9 * 64 + 64 * 128 + 128 * 256 + 256 * 256)
        return mlp + len(self.levels[0]) * 256 * self.inputs
