"""Which cells of a grid hold points, in order, and the cell of every point."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from backbones.sparse.packing import MAX_CELLS, MAX_SCANS

KEY_BITS = 63
"""What an int64 holds beside its sign."""


class Occupied(NamedTuple):
    """The V occupied cells of N points.

    Attributes:
        coordinates: [V, 4] int64 (scan, x, y, z), ascending, without duplicates.
        cell_of_point: [N] int64, the row of each point's cell.
        first_point: [V] int64, the first point of each cell.
    """

    coordinates: Tensor
    cell_of_point: Tensor
    first_point: Tensor


class Distinct(NamedTuple):
    """The V distinct values of N keys: in order [V], each key's place among them [N], the first row of each [V]."""

    keys: Tensor
    place: Tensor
    first_row: Tensor


def occupied_cells(scan_index: Tensor, scans: int, cells: Tensor) -> Occupied:
    """Return the cells that hold points.

    Args:
        scan_index: [N] int64, in 0 … scans − 1.
        scans: number of scans.
        cells: [3, N] whole numbers ≥ 0 of any type. Axis by axis, since a thin operation on a contiguous axis takes a
            fraction of the time of one on rows of three.

    Raises:
        ValueError: a cell or a scan is out of the range of `pack`, or a cell is not a number.
    """
    largest = cells.amax(1).tolist() if cells.shape[1] else [0, 0, 0]
    if scans > MAX_SCANS or not all(value < MAX_CELLS for value in largest):
        raise ValueError(f"coordinates must lie in 0..{MAX_SCANS - 1} (scan) and 0..{MAX_CELLS - 1} (x, y, z)")
    # Fields no wider than these points need leave room for a row's number beside the key.
    widths = [(scans - 1).bit_length(), *(int(value).bit_length() for value in largest)]
    keys = scan_index.clone()
    for width, axis in zip(widths[1:], cells, strict=True):
        keys.bitwise_left_shift_(width).bitwise_or_(axis.long())
    distinct = _distinct(keys, sum(widths))
    return Occupied(_split(distinct.keys, widths), distinct.place, distinct.first_row)


def _distinct(keys: Tensor, bits: int) -> Distinct:
    """Return the distinct values of keys of so many bits, by whichever way is faster where they are."""
    if keys.device.type == "cpu" and bits + len(keys).bit_length() <= KEY_BITS:
        return distinct_by_packing(keys)
    return distinct_by_sorting(keys)


def distinct_by_sorting(keys: Tensor) -> Distinct:
    """Return the distinct values of keys on any device.

    Args:
        keys: [N] int64.
    """
    ordered, rows = torch.sort(keys, stable=True)
    starts = torch.ones_like(ordered, dtype=torch.bool)
    starts[1:] = ordered[1:] != ordered[:-1]
    place = torch.empty_like(rows).scatter_(0, rows, torch.cumsum(starts, 0) - 1)
    return Distinct(ordered[starts], place, rows[starts])


def distinct_by_packing(keys: Tensor) -> Distinct:
    """Return the same for keys on the CPU that leave room for the number of their row.

    NumPy sorts bare integers by vector instructions, five times as fast as PyTorch sorts them along with their rows.

    Args:
        keys: [N] int64, ≥ 0, of at most 63 − bits(N) bits.
    """
    row_bits = len(keys).bit_length()
    row_mask = (1 << row_bits) - 1
    packed = (keys << row_bits).bitwise_or_(torch.arange(len(keys)))
    packed.numpy().sort()
    rows, starts = packed & row_mask, torch.ones_like(packed, dtype=torch.bool)
    torch.gt(packed[1:] ^ packed[:-1], row_mask, out=starts[1:])
    place = torch.empty_like(rows).scatter_(0, rows, torch.cumsum(starts, 0).sub_(1))
    firsts = packed.index_select(0, torch.from_numpy(np.flatnonzero(starts.numpy())))
    return Distinct(firsts >> row_bits, place, firsts & row_mask)


def _split(keys: Tensor, widths: list[int]) -> Tensor:
    """Return the fields of keys as columns [V, 4], the first field in the highest bits."""
    lower_bits = [sum(widths[place + 1 :]) for place in range(len(widths))]
    masks = [(1 << width) - 1 for width in widths]
    return (keys[:, None] >> keys.new_tensor(lower_bits)).bitwise_and_(keys.new_tensor(masks))
