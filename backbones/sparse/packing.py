"""Voxel coordinates as single integers that sort like (scan, x, y, z) and can be shifted without a carry."""

from __future__ import annotations

import torch
from torch import Tensor

SCAN_BITS, AXIS_BITS = 9, 18
GUARD = 8
"""Cells kept free on both sides of each axis, so that a shift by up to this much never reaches the next field."""

MAX_SCANS = 1 << SCAN_BITS
MAX_CELLS = (1 << AXIS_BITS) - 2 * GUARD


def pack(coordinates: Tensor) -> Tensor:
    """Return one int64 key per voxel; keys sort like (scan, x, y, z).

    Args:
        coordinates: [V, 4] int64 (scan, x, y, z), scan in 0..511 and cells in 0..262127.

    Returns:
        [V] int64, ≥ 0.

    Raises:
        ValueError: wrong shape or type, or a coordinate out of range.
    """
    if coordinates.ndim != 2 or coordinates.shape[1] != 4 or coordinates.dtype != torch.int64:
        raise ValueError(f"coordinates must be [V, 4] int64, not {list(coordinates.shape)} {coordinates.dtype}")
    limits = coordinates.new_tensor([MAX_SCANS, MAX_CELLS, MAX_CELLS, MAX_CELLS])
    if bool(((coordinates < 0) | (coordinates >= limits)).any()):
        raise ValueError(f"coordinates must lie in 0..{MAX_SCANS - 1} (scan) and 0..{MAX_CELLS - 1} (x, y, z)")
    return join(coordinates)


def join(coordinates: Tensor) -> Tensor:
    """Return the keys of coordinates that are known to be in range, up to `GUARD` cells beyond it."""
    scan, x, y, z = coordinates.unbind(1)
    return (scan << 3 * AXIS_BITS) + shift(GUARD, GUARD, GUARD) + (x << 2 * AXIS_BITS) + (y << AXIS_BITS) + z


def shift(dx: int, dy: int, dz: int) -> int:
    """Return what must be added to a key to move its voxel by (dx, dy, dz), each at most `GUARD` cells."""
    return (dx << 2 * AXIS_BITS) + (dy << AXIS_BITS) + dz


def unpack(keys: Tensor) -> Tensor:
    """Return the [V, 4] int64 coordinates (scan, x, y, z) of keys made by `pack`."""
    mask = (1 << AXIS_BITS) - 1
    cells = [((keys >> bits) & mask) - GUARD for bits in (2 * AXIS_BITS, AXIS_BITS, 0)]
    return torch.stack([keys >> 3 * AXIS_BITS, *cells], dim=1)
