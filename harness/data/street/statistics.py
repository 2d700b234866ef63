"""Figures of a labelled scan on which run time and memory of the networks depend."""

from dataclasses import dataclass

import numpy as np

from harness.data.street.classes import MOVING, Raw

RANGE_PERCENTILES = (1, 5, 25, 50, 75, 95, 99, 100)
VOXEL_SIZES_M = (0.05, 0.1, 0.2, 0.4, 0.8)
_GRID = (480, 360, 32)
_KEY = 8192


@dataclass(frozen=True)
class ScanStatistics:
    """Figures of one scan.

    Attributes:
        points: number of points.
        ranges_m: the 1, 5, 25, 50, 75, 95, 99 and 100 % percentiles of the range.
        cells: occupied cells of the 480 x 360 x 32 cylindrical grid (rho 0 to 50 m, z -4 to 2 m, points clipped to it).
        voxels: occupied voxels for each of `VOXEL_SIZES_M`.
        pairs: occupied voxels among the 3 x 3 x 3 neighbours (itself included), on average, for each size.
        shares: share of points of each raw class, moving classes counted with the standing ones.
    """

    points: int
    ranges_m: tuple[float, ...]
    cells: int
    voxels: tuple[int, ...]
    pairs: tuple[float, ...]
    shares: dict[Raw, float]


def scan_statistics(points: np.ndarray, labels: np.ndarray) -> ScanStatistics:
    """Figures of a scan: points float [N, 3 or more] in metres, labels uint32 [N] as stored; N > 0."""
    xyz = points[:, :3].astype(np.float64)
    levels = [_voxels(xyz, size) for size in VOXEL_SIZES_M]
    ranges = np.percentile(np.linalg.norm(xyz, axis=1), RANGE_PERCENTILES)
    standing = {int(moving): raw for raw, moving in MOVING.items()}
    found, counts = np.unique(labels & 0xFFFF, return_counts=True)
    shares = dict.fromkeys(Raw, 0.0)
    for value, count in zip(found.tolist(), counts.tolist(), strict=True):
        shares[standing.get(value) or Raw(value)] += count / len(xyz)
    return ScanStatistics(
        len(xyz),
        tuple(ranges.tolist()),
        _cells(xyz),
        tuple(level[0] for level in levels),
        tuple(level[1] for level in levels),
        shares,
    )


def _cells(xyz: np.ndarray) -> int:
    cylinder = np.stack([np.hypot(xyz[:, 0], xyz[:, 1]), np.arctan2(xyz[:, 1], xyz[:, 0]), xyz[:, 2]], 1)
    low, high = np.array([0.0, -np.pi, -4.0]), np.array([50.0, np.pi, 2.0])
    step = (high - low) / (np.array(_GRID) - 1)
    cells = np.floor((np.clip(cylinder, low, high) - low) / step).astype(np.int64)
    return len(np.unique((cells[:, 0] * _GRID[1] + cells[:, 1]) * _GRID[2] + cells[:, 2]))


def _voxels(xyz: np.ndarray, size_m: float) -> tuple[int, float]:
    """Occupied voxels and their mean number of occupied neighbours."""
    voxels = np.floor(xyz / size_m).astype(np.int64)
    voxels -= voxels.min(axis=0) - 1
    keys = np.unique((voxels[:, 0] * _KEY + voxels[:, 1]) * _KEY + voxels[:, 2])
    pairs = 0
    for step in np.ndindex(3, 3, 3):
        wanted = keys + ((step[0] - 1) * _KEY + step[1] - 1) * _KEY + step[2] - 1
        at = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
        pairs += int(np.count_nonzero(keys[at] == wanted))
    return len(keys), pairs / len(keys)
