"""Points in a small cylinder, for tests of Cylinder3D."""

from __future__ import annotations

from typing import Any

import torch

from backbones.build import build_backbone, build_voxelizer
from backbones.cylinder3d.network import Cylinder3D
from backbones.points import PointBatch
from backbones.voxelize import VoxelBatch

SMALL: dict[str, Any] = {"grid": (12, 10, 7), "rho_m": (0, 6), "z_m": (-1, 1.5), "input_channels": 4}
"""A grid with even and odd extents, in which a few dozen points have neighbours on every level."""


def random_points(counts: tuple[int, ...] = (90,), seed: int = 0, radius_m: float = 5.0) -> PointBatch:
    """Return points inside and outside the small grid, on both sides of φ = ±π, with labels 0 … 3."""
    draw = torch.Generator().manual_seed(seed)
    total = sum(counts)
    scale = torch.tensor([2 * radius_m, 2 * radius_m, 3.0])
    return PointBatch(
        xyz=(torch.rand(total, 3, generator=draw) - 0.5) * scale,
        intensity=torch.rand(total, generator=draw),
        scan_index=torch.repeat_interleave(torch.tensor(counts)),
        labels=torch.randint(0, 4, (total,), generator=draw),
        scan_ids=tuple(f"00/{i:06d}" for i in range(len(counts))),
    )


def small_network(width: float = 1 / 16, **settings: Any) -> Cylinder3D:
    """Return a narrow network on the small grid with three classes, in evaluation mode."""
    torch.manual_seed(0)
    network = build_backbone("cylinder3d", width, 3, {**SMALL, **settings})
    assert isinstance(network, Cylinder3D)
    return network.eval()


def small_voxels(points: PointBatch) -> VoxelBatch:
    """Return the voxels of points on the small grid."""
    return build_voxelizer("cylinder3d", None, SMALL)(points)
