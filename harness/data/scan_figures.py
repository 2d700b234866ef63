"""What one scan costs a network, and what is in it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from backbones.cylinder3d.partition import voxelize_cylinder
from backbones.cylinder3d.settings import Cylinder3DSettings
from backbones.sparse.geometry import Geometry
from backbones.voxelize import voxelize_first_point
from harness.data.collate import collate
from harness.data.dataset import Dataset
from harness.data.scan import Scan

RANGE_BIN_M = 0.01
RANGE_BINS = 20_000
LEVELS = 5
"""Resolutions of MinkowskiNet and SPVNAS: the voxels of the input, then four times the edge doubled."""
KERNEL = (3, 3, 3)
_HALVING = Geometry((2, 2, 2), (2, 2, 2), "floor")


@dataclass(frozen=True)
class ScanFigures:
    """Figures of one scan.

    Attributes:
        points: N.
        asked: points whose prediction is wanted; fewer than N where past scans stand beside the current one.
        levels: voxels and 3³ pairs of each of the `LEVELS`, the finest first.
        cells: occupied cells of Cylinder3D's grid.
        ranges: [RANGE_BINS], points by distance to the sensor, in bins of `RANGE_BIN_M`.
        farthest_m: distance of the farthest point.
        class_points: [C + 1], asked points by train id; None without labels.
    """

    points: int
    asked: int
    levels: tuple[tuple[int, int], ...]
    cells: int
    ranges: NDArray[np.int64]
    farthest_m: float
    class_points: NDArray[np.int64] | None


def scan_figures(dataset: Dataset, voxel_size_m: float, scan_id: str) -> ScanFigures:
    """Read one scan and measure it.

    Raises:
        HarnessError: as `Dataset.read`.
    """
    scan = dataset.read(scan_id)
    range_m = np.sqrt((scan.xyz.astype(np.float64) ** 2).sum(axis=1))
    bins = np.minimum((range_m / RANGE_BIN_M).astype(np.int64), RANGE_BINS - 1)
    asked = scan if scan.asked is None else scan.take(scan.asked)
    classes = None
    if asked.labels is not None:
        classes = np.bincount(asked.labels, minlength=dataset.label_map.classes + 1)
    return ScanFigures(
        points=len(scan),
        asked=len(asked),
        levels=level_counts(scan, voxel_size_m),
        cells=count_cells(scan),
        ranges=np.bincount(bins, minlength=RANGE_BINS),
        farthest_m=float(range_m.max()),
        class_points=classes,
    )


def level_counts(scan: Scan, voxel_size_m: float) -> tuple[tuple[int, int], ...]:
    """Voxels and pairs of a 3×3×3 kernel on each level, by the networks' own kernel maps.

    A convolution multiplies once per pair and pair of channels, so that the pairs are its cost.
    """
    voxels = voxelize_first_point(collate([scan]), voxel_size_m)
    coordinates, counts = voxels.coordinates, list[tuple[int, int]]()
    for _ in range(LEVELS):
        counts.append((len(coordinates), voxels.maps.submanifold(coordinates, KERNEL).pairs))
        coordinates = voxels.maps.strided(coordinates, _HALVING).out_coordinates
    return tuple(counts)


def count_cells(scan: Scan) -> int:
    """Occupied cells of Cylinder3D's grid, 480×360×32 with its default bounds, which are those for SemanticKITTI."""
    return len(voxelize_cylinder(collate([scan]), Cylinder3DSettings()).coordinates)
