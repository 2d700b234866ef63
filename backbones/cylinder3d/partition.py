"""The cylindrical partition: points into cells of (ρ, φ, z), finer near the sensor."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from backbones.cylinder3d.settings import Cylinder3DSettings
from backbones.occupied import occupied_cells
from backbones.points import PointBatch
from backbones.voxelize import VoxelBatch

PI = 3.1415926
"""The bound of φ in the released recipe; π itself moves every boundary between its cells."""

INPUT_FEATURES = 9
"""Residual to the cell's centre in (ρ, φ, z), then (ρ, φ, z), (x, y) and intensity."""


def voxelize_cylinder(points: PointBatch, settings: Cylinder3DSettings) -> VoxelBatch:
    """Cut space into cells of a cylindrical grid; points beyond it belong to its border cells.

    The rule of the released Cylinder3D recipe: cell = ⌊(clip(p) − low) / interval⌋ with interval = (high − low) /
    (cells − 1), in float64 from float32 polar coordinates. The residual is that of the point as it is, not clipped. A
    voxel's label is the majority of its points' labels; label 0 votes too, and the smallest id wins a tie.

    Args:
        points: N points.
        settings: the grid and its bounds.

    Returns:
        V voxels with features [N, 9] and, as `xyz`, the centres of the cells.
    """
    low, high, interval = _lattice(settings, points.xyz.device)
    polar = polar_coordinates(points.xyz)
    cells, residual = torch.empty_like(polar), torch.empty_like(polar)
    # Axis by axis and in place: the float64 temporaries of one axis stay in the cache, those of three do not.
    for axis, (start, stop, step) in enumerate(zip(low, high, interval, strict=True)):
        value = polar[axis].double()
        cell = value.clamp(start, stop).sub_(start).div_(step).floor_()
        cells[axis] = cell
        residual[axis] = value.sub_(cell.add_(0.5).mul_(step).add_(start))
    occupied = occupied_cells(points.scan_index, points.scans, cells)
    voxels = len(occupied.coordinates)
    return VoxelBatch(
        points=points,
        coordinates=occupied.coordinates,
        voxel_of_point=occupied.cell_of_point,
        features=torch.cat([residual.t(), polar.t(), points.xyz[:, :2], points.intensity[:, None]], dim=1),
        labels=None if points.labels is None else majority(points.labels, occupied.cell_of_point, voxels),
        xyz=_centres(occupied.coordinates, low, interval),
        extents=settings.grid,
    )


def polar_coordinates(xyz: Tensor) -> Tensor:
    """Return (ρ, φ, z) of points, φ in −π … π.

    The arithmetic is NumPy's on any device, as in the released recipe: PyTorch rounds the root and the arctangent of
    float32 in other ways, which puts a point into another cell in some scans.

    Args:
        xyz: [N, 3] float32, metres.

    Returns:
        [3, N] float32: metres, radians, metres.
    """
    x, y, z = xyz.cpu().numpy().T
    polar = np.stack([np.sqrt(x * x + y * y), np.arctan2(y, x), z])
    return torch.from_numpy(polar).to(xyz.device)


def majority(labels: Tensor, group: Tensor, groups: int) -> Tensor:
    """Return the most frequent label of each group, the smallest of equally frequent ones.

    Args:
        labels: [N] int64, ≥ 0.
        group: [N] int64, in 0 … groups − 1; every group has a member.
        groups: number of groups G.

    Returns:
        [G] int64.
    """
    kinds = int(labels.max()) + 1
    votes = torch.bincount(group * kinds + labels, minlength=groups * kinds)
    return votes.view(groups, kinds).argmax(dim=1)


def _lattice(settings: Cylinder3DSettings, device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    """Return the bounds of the axes and the extent of their cells, each [3] float64.

    They are tensors because CUDA multiplies by the reciprocal of a plain number instead of dividing by it.
    """
    bounds = (settings.rho_m, (-PI, PI), settings.z_m)
    interval = [(high - low) / (count - 1) for (low, high), count in zip(bounds, settings.grid, strict=True)]
    rows = torch.tensor([*zip(*bounds, strict=True), interval], dtype=torch.float64, device=device)
    return rows[0], rows[1], rows[2]


def _centres(coordinates: Tensor, low: Tensor, interval: Tensor) -> Tensor:
    """Return the Cartesian centres of cells, [V, 3] float32, metres."""
    rho, phi, z = ((coordinates[:, 1:].double() + 0.5) * interval + low).unbind(1)
    return torch.stack([rho * phi.cos(), rho * phi.sin(), z], dim=1).float()
