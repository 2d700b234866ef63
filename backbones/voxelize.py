"""Voxels of a batch of points: computed once per batch and shared by teacher and student."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial

import torch
from torch import Tensor

from backbones.points import PointBatch
from backbones.sparse.geometry import Triple
from backbones.sparse.kernel_map import KernelMapCache, pack


@dataclass(frozen=True)
class VoxelBatch:
    """Voxels of a batch of scans.

    Attributes:
        points: the points the voxels were made of (N of them).
        coordinates: [V, 4] int64 (scan, x, y, z), each ≥ 0, in ascending order of packed keys, without duplicates.
        voxel_of_point: [N] int64, the voxel that holds each raw point (the inverse map).
        features: the network's input, float32: [V, F], or [N, F] for a network that begins with points.
        labels: [V] int64, 0 is ignored; None when the points have none.
        xyz: [V, 3] float32, metres, the point that stands for the voxel.
        voxel_size_m: edge of a voxel; None where the grid is not Cartesian.
        extents: cells per axis of the grid; None where it has no upper bound.
        maps: kernel maps already built on these voxels; both networks of a distillation step read and fill it.
    """

    points: PointBatch
    coordinates: Tensor
    voxel_of_point: Tensor
    features: Tensor
    labels: Tensor | None
    xyz: Tensor
    voxel_size_m: float | None = None
    extents: Triple | None = None
    maps: KernelMapCache = field(default_factory=KernelMapCache)

    @property
    def scan_index(self) -> Tensor:
        """[V] int64, the scan of each voxel."""
        return self.coordinates[:, 0]

    def to(self, device: torch.device | str) -> VoxelBatch:
        """Return the same voxels on another device, with an empty map cache."""
        return replace(
            self,
            points=self.points.to(device),
            coordinates=self.coordinates.to(device),
            voxel_of_point=self.voxel_of_point.to(device),
            features=self.features.to(device),
            labels=None if self.labels is None else self.labels.to(device),
            xyz=self.xyz.to(device),
            maps=KernelMapCache(),
        )


def voxelize_first_point(points: PointBatch, voxel_size_m: float) -> VoxelBatch:
    """Cut space into cubes and let the first raw point of each stand for it.

    The rule of the released SPVNAS / MinkUNet recipe: cell = round-half-even(xyz / size), then shifted per scan so that
    the smallest cell is 0; a voxel's features (x, y, z, intensity), label and position are those of its first point.

    Args:
        points: N points.
        voxel_size_m: edge of a voxel in metres.
    """
    # A float32 quotient, as the recipe has it: float64 puts a few points of some scans into the next cell. The divisor
    # is a tensor because CUDA multiplies by the reciprocal of a plain number, which rounds differently.
    cells = torch.round(points.xyz / torch.full_like(points.xyz[:1, :1], voxel_size_m)).long()
    lowest = torch.zeros((points.scans, 3), dtype=torch.int64, device=cells.device)
    lowest.scatter_reduce_(0, points.scan_index[:, None].expand(-1, 3), cells, "amin", include_self=False)
    coordinates = torch.cat([points.scan_index[:, None], cells - lowest[points.scan_index]], dim=1)
    _, voxel_of_point, first = _unique_first(pack(coordinates))
    features = torch.cat([points.xyz, points.intensity[:, None]], dim=1)[first]
    return VoxelBatch(
        points=points,
        coordinates=coordinates[first],
        voxel_of_point=voxel_of_point,
        features=features,
        labels=None if points.labels is None else points.labels[first],
        xyz=points.xyz[first],
        voxel_size_m=voxel_size_m,
    )


def first_point_voxelizer(voxel_size_m: float | None) -> Callable[[PointBatch], VoxelBatch]:
    """Return `voxelize_first_point` with its size.

    Raises:
        ValueError: there is no size.
    """
    if voxel_size_m is None:
        raise ValueError("a backbone on a Cartesian grid needs a voxel_size_m")
    return partial(voxelize_first_point, voxel_size_m=voxel_size_m)


def _unique_first(keys: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return the sorted unique keys, each row's place among them, and the first row of each."""
    ordered, rows = torch.sort(keys, stable=True)
    starts = torch.ones_like(ordered, dtype=torch.bool)
    starts[1:] = ordered[1:] != ordered[:-1]
    place = torch.empty_like(rows)
    place[rows] = torch.cumsum(starts, 0) - 1
    return ordered[starts], place, rows[starts]
