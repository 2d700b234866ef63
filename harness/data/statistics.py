"""Figures of a data set that decide the cost and the difficulty of a benchmark on it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from harness.data.dataset import Dataset
from harness.data.evenly import evenly_spaced
from harness.data.scan_figures import LEVELS, RANGE_BIN_M, scan_figures
from harness.data.splits import Split
from harness.data.totals import Totals
from harness.data.workers import Progress, map_items
from harness.spec import DatasetName, Strict

RANGE_PERCENTILES = (1, 5, 25, 50, 75, 95, 99)
SCAN_BINS = 24
METRE = round(1 / RANGE_BIN_M)


class Spread(Strict):
    """Distribution of a count over scans."""

    mean: float
    min: int
    median: float
    max: int


class Histogram(Strict):
    """Counts between edges; one edge more than counts."""

    edges: tuple[float, ...]
    counts: tuple[int, ...]


class LevelFigures(Strict):
    """Voxels of one resolution, and pairs of a 3×3×3 kernel on them; `pairs_per_voxel` is over all scans."""

    voxel_size_m: float
    voxels_per_scan: Spread
    pairs_per_scan: Spread
    pairs_per_voxel: float


class DataStatistics(Strict):
    """Figures of one split.

    `scans` were read, of the `scans_found` in the copy. `range_m` holds percentiles of the distance to the sensor over
    all points, to the upper edge of a bin of 1 cm, and the largest distance under ``max``; `range_histogram` has bins
    of 1 m. `levels` are the five resolutions of MinkowskiNet and SPVNAS, `cylinder_cells_per_scan` the occupied cells
    of Cylinder3D's grid, 480×360×32 with its default bounds, −4 to 2 m, on every data set.

    What a network computes on decides these: where past scans stand beside the current one, their points count. They
    don't in `class_points` and `class_shares`, which are those of the `asked_points` alone, as in a score; both are
    empty for a split without labels, and a share is of all asked points, ignored ones included.
    """

    dataset: DatasetName
    synthetic: bool
    split: str
    scans: int
    scans_found: int
    points: int
    asked_points: int
    points_per_scan: Spread
    points_histogram: Histogram
    levels: tuple[LevelFigures, ...]
    cylinder_cells_per_scan: Spread
    range_m: dict[str, float]
    range_histogram: Histogram
    class_points: dict[str, int]
    class_shares: dict[str, float]


def statistics(
    dataset: Dataset,
    split: Split,
    voxel_size_m: float,
    workers: int = 0,
    progress: Progress | None = None,
    scans: int | None = None,
) -> DataStatistics:
    """Read a split, or some scans of it, and sum it up.

    Args:
        dataset: the reader.
        split: which.
        voxel_size_m: edge of the finest voxels.
        workers: processes; 0 works in this one.
        progress: told after every scan.
        scans: how many to read, spread evenly over the split; None reads all.

    Raises:
        HarnessError: as `Dataset.scan_ids` and `Dataset.read`.
    """
    found = dataset.scan_ids(split)
    chosen = found if scans is None else evenly_spaced(found, scans)
    figures = map_items(partial(scan_figures, dataset, voxel_size_m), chosen, workers, progress)
    return _sum_up(dataset, split, voxel_size_m, len(found), Totals(dataset.label_map.classes, figures))


def _sum_up(dataset: Dataset, split: Split, voxel_size_m: float, found: int, totals: Totals) -> DataStatistics:
    points, classes = totals.points, dict[str, int]()
    if totals.class_points.any():
        classes = dict(zip(dataset.label_map.names, totals.class_points.tolist(), strict=True))
    return DataStatistics(
        dataset=dataset.name,
        synthetic=dataset.synthetic,
        split=split,
        scans=len(points),
        scans_found=found,
        points=sum(points),
        asked_points=totals.asked,
        points_per_scan=_spread(points),
        points_histogram=_points_histogram(points),
        levels=tuple(_level(level, voxel_size_m, [scan[level] for scan in totals.levels]) for level in range(LEVELS)),
        cylinder_cells_per_scan=_spread(totals.cells),
        range_m={**_percentiles(totals.ranges), "max": totals.farthest_m},
        range_histogram=_range_histogram(totals.ranges),
        class_points=classes,
        class_shares={name: count / totals.asked for name, count in classes.items()},
    )


def class_counts(
    dataset: Dataset, scan_ids: Sequence[str], workers: int = 0, progress: Progress | None = None
) -> tuple[int, ...]:
    """Labelled points by class id over some scans, [C + 1]; entry 0 counts the ignored points.

    Raises:
        HarnessError: as `Dataset.read_labels`.
    """
    total = np.zeros(dataset.label_map.classes + 1, dtype=np.int64)
    for counts in map_items(partial(scan_class_counts, dataset), scan_ids, workers, progress):
        total += counts
    return tuple(total.tolist())


def scan_class_counts(dataset: Dataset, scan_id: str) -> NDArray[np.int64]:
    """Points of one scan by class id, [C + 1]."""
    return np.bincount(dataset.read_labels(scan_id), minlength=dataset.label_map.classes + 1)


def _spread(counts: Sequence[int]) -> Spread:
    return Spread(mean=float(np.mean(counts)), min=min(counts), median=float(np.median(counts)), max=max(counts))


def _level(level: int, voxel_size_m: float, counts: Sequence[tuple[int, int]]) -> LevelFigures:
    voxels, pairs = [voxels for voxels, _ in counts], [pairs for _, pairs in counts]
    return LevelFigures(
        voxel_size_m=voxel_size_m * 2**level,
        voxels_per_scan=_spread(voxels),
        pairs_per_scan=_spread(pairs),
        pairs_per_voxel=sum(pairs) / sum(voxels),
    )


def _percentiles(bins: NDArray[np.int64]) -> dict[str, float]:
    """Upper edge of the first bin at which the wanted share of all points is reached."""
    reached = np.cumsum(bins)
    wanted = [reached[-1] * percent / 100 for percent in RANGE_PERCENTILES]
    edges = (np.searchsorted(reached, wanted) + 1) * RANGE_BIN_M
    return {f"p{percent}": round(float(edge), 2) for percent, edge in zip(RANGE_PERCENTILES, edges, strict=True)}


def _range_histogram(bins: NDArray[np.int64]) -> Histogram:
    """Points by metre, up to the last metre that has any."""
    metres = bins.reshape(-1, METRE).sum(axis=1)
    used = int(np.flatnonzero(metres)[-1]) + 1
    return Histogram(edges=tuple(float(edge) for edge in range(used + 1)), counts=tuple(metres[:used].tolist()))


def _points_histogram(points: Sequence[int]) -> Histogram:
    counts, edges = np.histogram(points, bins=SCAN_BINS)
    return Histogram(edges=tuple(edges.tolist()), counts=tuple(counts.tolist()))
