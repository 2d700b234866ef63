"""Voxels of a batch of points: computed once per batch and shared by teacher and student."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import pairwise

import torch
from torch import Tensor

from backbones.occupied import occupied_cells
from backbones.points import PointBatch
from backbones.sparse.geometry import Triple
from backbones.sparse.kernel_map import KernelMapCache


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

    def to_points(self, rows: Tensor) -> Tensor:
        """Return for each raw point the row of its voxel: [V, F] becomes [N, F]."""
        # index_select, since the gradient of plain indexing is summed in an order that varies with several threads.
        return rows.index_select(0, self.voxel_of_point)

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

    Raises:
        ValueError: the points of a scan are more cells apart than coordinates may be, or one is not a number.
    """
    occupied = occupied_cells(points.scan_index, points.scans, _cells(points, voxel_size_m))
    first = occupied.first_point
    xyz = points.xyz.index_select(0, first)
    return VoxelBatch(
        points=points,
        coordinates=occupied.coordinates,
        voxel_of_point=occupied.cell_of_point,
        features=torch.cat([xyz, points.intensity.index_select(0, first)[:, None]], dim=1),
        labels=None if points.labels is None else points.labels.index_select(0, first),
        xyz=xyz,
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


def _cells(points: PointBatch, voxel_size_m: float) -> Tensor:
    """Return the cell of each point, the smallest of each scan 0 on every axis: [3, N] whole float32."""
    cells = points.xyz.new_empty((3, len(points.xyz)))
    # A float32 quotient, as the recipe has it: float64 puts a few points of some scans into the next cell. The divisor
    # is a tensor because CUDA multiplies by the reciprocal of a plain number, which rounds differently.
    size_m = points.xyz.new_full((1, 1), voxel_size_m)
    torch.div(points.xyz.t(), size_m, out=cells).round_()
    starts = torch.searchsorted(points.scan_index, torch.arange(points.scans + 1, device=cells.device)).tolist()
    for start, stop in pairwise(starts):
        if start < stop:
            # Exact: whole numbers of float32 that lie less than 2²⁴ apart have a difference without rounding.
            scan = cells[:, start:stop]
            scan.sub_(scan.amin(1, keepdim=True))
    return cells
