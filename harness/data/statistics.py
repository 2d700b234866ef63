"""Figures of a data set that decide the cost and the difficulty of a benchmark on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from backbones.voxelize import voxelize_first_point
from harness.data.collate import collate
from harness.data.scan import Scan
from harness.data.semantickitti import SemanticKitti
from harness.data.splits import Split
from harness.data.workers import Progress, map_items
from harness.spec import Strict

RANGE_BIN_M = 0.01
RANGE_BINS = 20_000
RANGE_PERCENTILES = (1, 5, 25, 50, 75, 95, 99)


class Spread(Strict):
    """Distribution of a count over scans."""

    mean: float
    min: int
    median: float
    max: int


class DataStatistics(Strict):
    """Figures of one split.

    `range_m` holds percentiles of the distance to the sensor over all points, to the upper edge of a bin of 1 cm, and
    the largest distance under ``max``. `class_points` and `class_shares` are empty for a split without labels; a share
    is of all points, ignored ones included.
    """

    split: str
    scans: int
    points: int
    points_per_scan: Spread
    voxel_size_m: float
    voxels_per_scan: Spread
    range_m: dict[str, float]
    class_points: dict[str, int]
    class_shares: dict[str, float]


@dataclass(frozen=True)
class ScanFigures:
    """Figures of one scan: points, voxels, ranges by 1 cm bin, largest range, points by class id when labelled."""

    points: int
    voxels: int
    ranges: NDArray[np.int64]
    farthest_m: float
    class_points: NDArray[np.int64] | None


def statistics(
    dataset: SemanticKitti, split: Split, voxel_size_m: float, workers: int = 0, progress: Progress | None = None
) -> DataStatistics:
    """Read a split and sum it up.

    Raises:
        HarnessError: as `SemanticKitti.scan_ids` and `SemanticKitti.read`.
    """
    points: list[int] = []
    voxels: list[int] = []
    ranges = np.zeros(RANGE_BINS, dtype=np.int64)
    farthest_m = 0.0
    classes = np.zeros(dataset.label_map.classes + 1, dtype=np.int64)
    figures_of = partial(scan_figures, dataset, voxel_size_m)
    for figures in map_items(figures_of, dataset.scan_ids(split), workers, progress):
        points.append(figures.points)
        voxels.append(figures.voxels)
        ranges += figures.ranges
        farthest_m = max(farthest_m, figures.farthest_m)
        if figures.class_points is not None:
            classes += figures.class_points
    named = dict(zip(dataset.label_map.names, classes.tolist(), strict=True)) if classes.any() else {}
    return DataStatistics(
        split=split,
        scans=len(points),
        points=sum(points),
        points_per_scan=_spread(points),
        voxel_size_m=voxel_size_m,
        voxels_per_scan=_spread(voxels),
        range_m={**_percentiles(ranges), "max": farthest_m},
        class_points=named,
        class_shares={name: count / sum(points) for name, count in named.items()},
    )


def scan_figures(dataset: SemanticKitti, voxel_size_m: float, scan_id: str) -> ScanFigures:
    """Read one scan and measure it."""
    scan = dataset.read(scan_id)
    range_m = np.sqrt((scan.xyz.astype(np.float64) ** 2).sum(axis=1))
    bins = np.minimum((range_m / RANGE_BIN_M).astype(np.int64), RANGE_BINS - 1)
    classes = None
    if scan.labels is not None:
        classes = np.bincount(scan.labels, minlength=dataset.label_map.classes + 1)
    return ScanFigures(
        points=len(scan),
        voxels=count_voxels(scan, voxel_size_m),
        ranges=np.bincount(bins, minlength=RANGE_BINS),
        farthest_m=float(range_m.max()),
        class_points=classes,
    )


def count_voxels(scan: Scan, voxel_size_m: float) -> int:
    """Number of voxels that the networks are given, by `backbones.voxelize.voxelize_first_point`."""
    return len(voxelize_first_point(collate([scan]), voxel_size_m).coordinates)


def class_counts(
    dataset: SemanticKitti, scan_ids: Sequence[str], workers: int = 0, progress: Progress | None = None
) -> tuple[int, ...]:
    """Labelled points by class id over some scans, [C + 1]; entry 0 counts the ignored points.

    Raises:
        HarnessError: as `SemanticKitti.read_labels`.
    """
    total = np.zeros(dataset.label_map.classes + 1, dtype=np.int64)
    for counts in map_items(partial(scan_class_counts, dataset), scan_ids, workers, progress):
        total += counts
    return tuple(total.tolist())


def scan_class_counts(dataset: SemanticKitti, scan_id: str) -> NDArray[np.int64]:
    """Points of one scan by class id, [C + 1]."""
    return np.bincount(dataset.read_labels(scan_id), minlength=dataset.label_map.classes + 1)


def _spread(counts: Sequence[int]) -> Spread:
    return Spread(mean=float(np.mean(counts)), min=min(counts), median=float(np.median(counts)), max=max(counts))


def _percentiles(bins: NDArray[np.int64]) -> dict[str, float]:
    """Upper edge of the first bin at which the wanted share of all points is reached."""
    reached = np.cumsum(bins)
    wanted = [reached[-1] * percent / 100 for percent in RANGE_PERCENTILES]
    edges = (np.searchsorted(reached, wanted) + 1) * RANGE_BIN_M
    return {f"p{percent}": round(float(edge), 2) for percent, edge in zip(RANGE_PERCENTILES, edges, strict=True)}
