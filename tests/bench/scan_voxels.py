"""Voxels like those of a street scan, of any number, without real data."""

from __future__ import annotations

import torch
from torch import Tensor

from backbones.points import PointBatch
from backbones.voxelize import voxelize_first_point

BEAMS, SENSOR_HEIGHT_M, STREET_HALF_WIDTH_M, RANGE_M = 64, 1.73, 16.0, 80.0


def scan_voxels(count: int, seed: int = 0) -> Tensor:
    """Return the [count, 4] voxels of 5 cm that a 64-beam sensor sees between two uneven house fronts.

    The scan is taken with ever finer azimuth steps until it has enough voxels; the surplus is cut off along x.
    """
    for azimuths in range(600, 4000, 100):
        coordinates = voxelize_first_point(street_points(azimuths, seed), 0.05).coordinates
        if len(coordinates) >= count:
            return coordinates[:count].clone()
    raise ValueError(f"a scan has at most {len(coordinates)} voxels, not {count}")


def street_points(azimuths: int, seed: int = 0) -> PointBatch:
    """Return what a 64-beam sensor sees between two uneven house fronts, unlabelled."""
    draw = torch.Generator().manual_seed(seed)
    elevation = torch.linspace(-0.43, 0.035, BEAMS)[:, None]
    azimuth = torch.linspace(-torch.pi, torch.pi, azimuths)[None, :]
    ray = torch.stack(
        [elevation.cos() * azimuth.cos(), elevation.cos() * azimuth.sin(), elevation.sin() + 0 * azimuth], -1
    )
    ground = SENSOR_HEIGHT_M / (-ray[..., 2]).clamp(min=1e-6)
    # Bays and parked cars: the fronts step in and out along the street.
    depth = STREET_HALF_WIDTH_M - 10 * torch.rand(400, generator=draw)[((azimuth + torch.pi) * 63).long()]
    front = depth / ray[..., 1].abs().clamp(min=1e-6)
    distance = torch.minimum(ground, front) + 0.01 * torch.randn(BEAMS, azimuths, generator=draw)
    xyz = (ray * distance[..., None])[distance < RANGE_M]
    return PointBatch(xyz, xyz.new_zeros(len(xyz)), torch.zeros(len(xyz), dtype=torch.int64), None, ("street",))
