"""Figures of a labelled scan on which run time and memory of the networks depend."""

from dataclasses import dataclass

import numpy as np

from harness.data.street.classes import Raw, standing

RANGE_PERCENTILES = (1, 5, 25, 50, 75, 95, 99, 100)
VOXEL_SIZES_M = (0.05, 0.1, 0.2, 0.4, 0.8)
SEMANTICKITTI_Z_M, NUSCENES_Z_M = (-4.0, 2.0), (-5.0, 3.0)
_GRID = (480, 360, 32)
_KEY = 8192


@dataclass(frozen=True)
class ScanStatistics:
    """Figures of one scan.

    Attributes:
        points: number of points.
        ranges_m: the 1, 5, 25, 50, 75, 95, 99 and 100 % percentiles of the range.
        cells: occupied cells of the 480 x 360 x 32 cylindrical grid (rho 0 to 50 m, z as asked for, points clipped to
            it).
        voxels: occupied voxels for each of `VOXEL_SIZES_M`.
        pairs: occupied voxels among the 3 x 3 x 3 neighbours (itself included), on average, for each size.
        shares: share of points of each raw class, moving and finer classes counted with the standing ones.
    """

    points: int
    ranges_m: tuple[float, ...]
    cells: int
    voxels: tuple[int, ...]
    pairs: tuple[float, ...]
    shares: dict[Raw, float]


def scan_statistics(
    points: np.ndarray, labels: np.ndarray, grid_z_m: tuple[float, float] = SEMANTICKITTI_Z_M
) -> ScanStatistics:
    """Figures of a scan.

    Args:
        points: float [N, 3 or more] in metres; N > 0.
        labels: uint32 [N], of a mesh or of a SemanticKITTI file.
        grid_z_m: lowest and highest z of the cylindrical grid.
    """
    xyz = points[:, :3].astype(np.float64)
    levels = [_voxels(xyz, size) for size in VOXEL_SIZES_M]
    ranges = np.percentile(np.linalg.norm(xyz, axis=1), RANGE_PERCENTILES)
    return ScanStatistics(
        len(xyz),
        tuple(ranges.tolist()),
        _cells(xyz, grid_z_m),
        tuple(level[0] for level in levels),
        tuple(level[1] for level in levels),
        class_shares(labels),
    )


def class_shares(labels: np.ndarray) -> dict[Raw, float]:
    """Share of the points of each class of `ScanStatistics.shares`, from labels uint32 [N]; N > 0."""
    found, counts = np.unique(labels & 0xFFFF, return_counts=True)
    shares = dict.fromkeys(Raw, 0.0)
    for value, count in zip(found.tolist(), counts.tolist(), strict=True):
        shares[standing(Raw(value))] += count / len(labels)
    return shares


def points_per_ring(points: np.ndarray) -> np.ndarray:
    """Points of each ring of a scan that is stored ring by ring, int64 [rings].

    SemanticKITTI's files hold no ring. Within a ring the azimuth rises from straight ahead through a full turn but for
    jitter, so a ring ends where it falls by more than half a turn.

    Args:
        points: float [N, 3 or more] in file order, sensor axes; rings begin and end within a quarter turn of it; N > 0.
    """
    azimuth = np.arctan2(points[:, 1], points[:, 0]) % (2 * np.pi)
    starts = np.flatnonzero(np.diff(azimuth) < -np.pi) + 1
    return np.diff(np.concatenate([[0], starts, [len(points)]]))


def _cells(xyz: np.ndarray, z_m: tuple[float, float]) -> int:
    cylinder = np.stack([np.hypot(xyz[:, 0], xyz[:, 1]), np.arctan2(xyz[:, 1], xyz[:, 0]), xyz[:, 2]], 1)
    low, high = np.array([0.0, -np.pi, z_m[0]]), np.array([50.0, np.pi, z_m[1]])
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
