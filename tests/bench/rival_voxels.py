"""The public voxelisation recipes in plain NumPy, with numba where they use it: the rivals of `test_bench_voxelize.py`.

In our words, from the data-set code of Cylinder3D and of SPVNAS / MinkUNet and the quantisation of torchsparse
(re-read). What nothing reads later is left out: the released Cylinder3D also computes the centre of each of the 5.5
million cells of the grid for every scan.
"""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray


class RivalVoxels(NamedTuple):
    """Voxels of one scan: coordinates [V, 4], the voxel of each point [N], features [V, 4] or [N, 9], labels [V]."""

    coordinates: NDArray[np.integer]
    voxel_of_point: NDArray[np.int64]
    features: NDArray[np.float32]
    labels: NDArray[np.integer]


def cartesian(rows: NDArray[np.float32], labels: NDArray[np.int64], size_m: float) -> RivalVoxels:
    """Round, shift to 0, hash and take the first point of each voxel: SPVNAS with torchsparse's `sparse_quantize`.

    The latter is general: it divides by a size, here 1, and shifts to 0 again.

    Args:
        rows: [N, 4] float32 (x, y, z, intensity).
        labels: [N].
        size_m: edge of a voxel in metres.
    """
    cells = np.round(rows[:, :3] / size_m).astype(np.int32)
    cells -= cells.min(0, keepdims=True)
    quantized = np.floor(cells / np.ones(3)).astype(np.int32)
    return _first_points(_hash(quantized - quantized.min(0)), cells, rows, labels)


def lean_cartesian(rows: NDArray[np.float32], labels: NDArray[np.int64], size_m: float) -> RivalVoxels:
    """Do what `cartesian` does without the second division and shift, which change nothing."""
    cells = np.round(rows[:, :3] / size_m).astype(np.int32)
    cells -= cells.min(0, keepdims=True)
    return _first_points(_hash(cells), cells, rows, labels)


def _hash(cells: NDArray[np.int32]) -> NDArray[np.uint64]:
    """Return the row-major place of each cell in the box around all of them."""
    column, extent = cells.astype(np.uint64), cells.max(0).astype(np.uint64) + 1
    return (column[:, 0] * extent[1] + column[:, 1]) * extent[2] + column[:, 2]


def _first_points(
    places: NDArray[np.uint64], cells: NDArray[np.int32], rows: NDArray[np.float32], labels: NDArray[np.int64]
) -> RivalVoxels:
    _, first, inverse = np.unique(places, return_index=True, return_inverse=True)
    return RivalVoxels(_with_scan(cells[first]), inverse, rows[first], labels[first])


def _with_scan(cells: NDArray[np.integer]) -> NDArray[np.integer]:
    """Put the number of the scan in its batch before the cell, as the collate functions do."""
    return np.concatenate([np.zeros((len(cells), 1), cells.dtype), cells], axis=1)


def cylinder(
    rows: NDArray[np.float32], labels: NDArray[np.int64], low: list[float], high: list[float], grid: tuple[int, ...]
) -> RivalVoxels:
    """Cells of (ρ, φ, z) by clip and floor in float64, nine features per point, majority by sorted pairs and a loop.

    Args:
        rows: [N, 4] float32 (x, y, z, intensity).
        labels: [N], below 256.
        low: lower bounds of ρ, φ and z.
        high: upper bounds.
        grid: cells per axis.
    """
    x, y, z = rows[:, 0], rows[:, 1], rows[:, 2]
    polar = np.stack((np.sqrt(x**2 + y**2), np.arctan2(y, x), z), axis=1)
    least, most, extent = np.asarray(low), np.asarray(high), np.asarray(grid)
    interval = (most - least) / (extent - 1)
    cells = np.floor((np.clip(polar, least, most) - least) / interval).astype(np.int64)

    pairs = np.concatenate([cells, labels[:, None]], axis=1)
    pairs = pairs[np.lexsort((cells[:, 0], cells[:, 1], cells[:, 2]))]
    dense = _vote(np.zeros(grid, dtype=np.uint8), pairs)

    residual = polar - ((cells.astype(np.float32) + 0.5) * interval + least)
    features = np.concatenate((residual, polar, rows[:, :2], rows[:, 3:]), axis=1).astype(np.float32)
    occupied, inverse = np.unique(np.ravel_multi_index(tuple(cells.T), grid), return_inverse=True)
    unique = np.stack(np.unravel_index(occupied, grid), axis=1)
    return RivalVoxels(_with_scan(unique), inverse, features, dense[unique[:, 0], unique[:, 1], unique[:, 2]])


@numba.njit("u1[:,:,:](u1[:,:,:],i8[:,:])")
def _vote(dense, pairs):
    """Write into each cell of a grid the most frequent label of its run of sorted (ρ, φ, z, label) rows."""
    votes = np.zeros(256, dtype=np.uint16)
    current = pairs[0, :3]
    for row in range(len(pairs)):
        cell = pairs[row, :3]
        if not np.all(np.equal(cell, current)):
            dense[current[0], current[1], current[2]] = np.argmax(votes)
            votes = np.zeros(256, dtype=np.uint16)
            current = cell
        votes[pairs[row, 3]] += 1
    dense[current[0], current[1], current[2]] = np.argmax(votes)
    return dense
