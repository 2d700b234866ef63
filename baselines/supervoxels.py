"""Supervoxels: blocks of a cylindrical grid, the unit that PVD samples and that pair-wise methods pool to."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Self

import torch
from pydantic import model_validator
from torch import Tensor

from baselines.method import MethodSettings

Triple = tuple[float, float, float]

# Cylinder3D's released grid cuts the angle at this value, short of float32's π.
HALF_TURN_RAD = 3.1415926


class SupervoxelSettings(MethodSettings):
    """Settings of every method that cuts a scan into supervoxels.

    Attributes:
        block_size: (Rs, As, Hs), edges of a supervoxel in grid cells.
        grid: (R, A, H), cells along radius, angle and height.
        lowest: lower border of the grid (m, rad, m).
        highest: upper border of the grid (m, rad, m).
    """

    block_size: tuple[int, int, int] = (120, 60, 8)
    grid: tuple[int, int, int] = (480, 360, 32)
    lowest: Triple = (0.0, -HALF_TURN_RAD, -4.0)
    highest: Triple = (50.0, HALF_TURN_RAD, 2.0)

    @model_validator(mode="after")
    def _grid_has_cells(self) -> Self:
        """Refuse grids and blocks without extent."""
        if min(self.grid) < 2:
            raise ValueError(f"grid {self.grid} needs at least two cells along every axis")
        if min(self.block_size) < 1:
            raise ValueError(f"block_size {self.block_size} needs at least one cell along every axis")
        if any(low >= high for low, high in zip(self.lowest, self.highest, strict=True)):
            raise ValueError(f"lowest {self.lowest} must lie below highest {self.highest} along every axis")
        return self


@dataclass(frozen=True)
class SupervoxelGrid:
    """A cylindrical grid cut into blocks of whole cells.

    Cells follow Cylinder3D's released arithmetic: an axis of n cells has intervals of (highest − lowest)/(n − 1),
    points outside are clipped into the border cells, and the angle does not wrap. Backbones without such a grid are
    binned by the same blocks.

    Attributes:
        cells: (R, A, H), cells along radius, angle and height.
        block_size: (Rs, As, Hs), cells of a block; the last block of an axis may be shorter.
        lowest: lower border (m, rad, m).
        highest: upper border (m, rad, m).
    """

    cells: tuple[int, int, int]
    block_size: tuple[int, int, int]
    lowest: Triple
    highest: Triple

    @classmethod
    def from_settings(cls, settings: SupervoxelSettings) -> SupervoxelGrid:
        """Build the grid that the settings describe."""
        return cls(settings.grid, settings.block_size, settings.lowest, settings.highest)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Number of blocks along radius, angle and height."""
        radius, angle, height = (math.ceil(n / size) for n, size in zip(self.cells, self.block_size, strict=True))
        return radius, angle, height

    @property
    def blocks(self) -> int:
        """Number of blocks, N_s."""
        return math.prod(self.shape)

    @property
    def interval(self) -> Triple:
        """Edge of a cell (m, rad, m)."""
        radius, angle, height = (
            (high - low) / (n - 1) for low, high, n in zip(self.lowest, self.highest, self.cells, strict=True)
        )
        return radius, angle, height

    def block_of(self, xyz: Tensor) -> Tensor:
        """Return the block of each position, [N] int64 in 0..N_s − 1, radius slowest and height fastest.

        Args:
            xyz: [N, 3] metres in the sensor's frame. Polar coordinates keep its precision; cells are found in float64.
        """
        x, y, z = xyz.unbind(dim=1)
        index = torch.zeros(len(xyz), dtype=torch.int64, device=xyz.device)
        polar = (torch.sqrt(x * x + y * y), torch.atan2(y, x), z)
        for axis, value in enumerate(polar):
            low, high = self.lowest[axis], self.highest[axis]
            cell = ((value.double().clamp(low, high) - low) / self.interval[axis]).floor().long()
            cell = cell.clamp(max=self.cells[axis] - 1)
            index = index * self.shape[axis] + cell // self.block_size[axis]
        return index

    def outer_radius_m(self) -> Tensor:
        """Return d_i, the distance of each block's outer arc from the sensor in the x-y plane, [N_s] float64."""
        ring = torch.arange(1, self.shape[0] + 1, dtype=torch.float64)
        outer_cell = (ring * self.block_size[0]).clamp(max=self.cells[0])
        return (self.lowest[0] + outer_cell * self.interval[0]).repeat_interleave(self.shape[1] * self.shape[2])
