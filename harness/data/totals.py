"""What the figures of single scans add up to."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from harness.data.scan_figures import RANGE_BINS, ScanFigures


class Totals:
    """Figures of many scans, of which no more is kept than is needed: a real split has 30 000 scans.

    Args:
        classes: C, the scored classes.
        scans: figures of each scan.

    Attributes:
        points, cells, levels: as `ScanFigures` has them, an entry for each scan.
        asked: points whose prediction is wanted.
        ranges: [RANGE_BINS], points by distance to the sensor.
        farthest_m: distance of the farthest point.
        class_points: [C + 1], asked points by train id; zeros where no scan has labels.
    """

    def __init__(self, classes: int, scans: Iterable[ScanFigures]) -> None:
        self.points, self.cells, self.levels = list[int](), list[int](), list[tuple[tuple[int, int], ...]]()
        self.asked, self.farthest_m = 0, 0.0
        self.ranges = np.zeros(RANGE_BINS, dtype=np.int64)
        self.class_points = np.zeros(classes + 1, dtype=np.int64)
        for scan in scans:
            self._add(scan)

    def _add(self, scan: ScanFigures) -> None:
        self.points.append(scan.points)
        self.cells.append(scan.cells)
        self.levels.append(scan.levels)
        self.asked += scan.asked
        self.farthest_m = max(self.farthest_m, scan.farthest_m)
        self.ranges += scan.ranges
        if scan.class_points is not None:
            self.class_points += scan.class_points
