"""The scans that latency-v1 times networks on: of every size, by the number of their voxels."""

from __future__ import annotations

from collections.abc import Sequence

from backbones.voxelize import voxelize_first_point
from harness.data.dataset import Dataset
from harness.matrix.data import read_batches, spread_by_size
from harness.measure.latency.process import Watcher
from harness.measure.latency.scan_list import choose_by_decile
from harness.measure.latency.scan_source import ScanSource

CANDIDATES = 4
"""Times the number of scans wanted: of so many the voxels are counted, and what is wanted is chosen from them."""

GRID_M = 0.05
"""Edge of the cubes that scans are compared by: one grid for all networks, so that they share a scan list."""

SEED = 0
"""Of the choice within a decile."""


def choose_scans(dataset: Dataset, scan_ids: Sequence[str], count: int, progress: Watcher) -> ScanSource:
    """Choose scans evenly by voxel-count decile.

    To count the voxels of a whole split would take minutes. Files tell the number of points for free, and candidates
    spread evenly over it are counted instead. The choice depends on the scans and on `count` alone.

    Args:
        dataset: of the scans.
        scan_ids: to choose from.
        count: how many; all when there are no more.
        progress: told how far the counting is.

    Raises:
        HarnessError: a scan can't be read.
    """
    chosen = list(scan_ids)
    if count < len(chosen):
        candidates = spread_by_size(dataset, chosen, CANDIDATES * count)
        voxels = {}
        for done, points in enumerate(read_batches(dataset, candidates), 1):
            voxels[points.scan_ids[0]] = len(voxelize_first_point(points, GRID_M).coordinates)
            progress.phase("count voxels", done, len(candidates))
        chosen = choose_by_decile(voxels, count, SEED)
    return ScanSource(
        dataset=dataset.name,
        synthetic=dataset.synthetic,
        root=dataset.root.resolve(),
        partial=dataset.partial,
        settings=dataset.settings,
        scans=tuple(chosen),
    )
