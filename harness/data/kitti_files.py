"""The binary files of a KITTI sequence: a scan's points and its label words."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from harness.errors import HarnessError

Word = TypeVar("Word", np.float32, np.uint32)

POINT_BYTES = 16
WORD_BYTES = 4
MOST_POINTS = 4_000_000
"""Thirty times a dense HDL-64E scan: a larger file is no scan and is not read into memory."""
MOST_METRES = 1000.0
"""Eight times the sensor's reach: a coordinate beyond this is damage."""

AGAIN = "Fetch the file again; `harness data check` lists every damaged one."


def read_points(path: Path) -> NDArray[np.float32]:
    """Read a scan.

    Returns:
        [N, 4] float32: x, y, z in metres, remission; N ≥ 1.

    Raises:
        HarnessError: the file is missing, unreadable, truncated, without points, too large, or holds a NaN, an
            infinity or an impossible coordinate.
    """
    points = _read(path, np.dtype("<f4"), count_points(path) * 4).reshape(-1, 4)
    if not np.abs(points).max() <= MOST_METRES:
        strange = int((~(np.abs(points) <= MOST_METRES)).any(axis=1).sum())
        found = f"{strange} of {len(points)} points with a NaN, an infinity or a value beyond {MOST_METRES:g}"
        raise HarnessError(path, found, "finite coordinates and remissions", AGAIN)
    return points


def read_words(path: Path, points: int) -> NDArray[np.uint32]:
    """Read a scan's label words.

    Args:
        path: of the label file.
        points: N, number of points of the scan.

    Returns:
        [N] uint32, raw class in the low 16 bits, instance in the high 16.

    Raises:
        HarnessError: the file is missing, unreadable or has not one word per point.
    """
    require_words(path, points, AGAIN)
    return _read(path, np.dtype("<u4"), points)


def read_whole_words(path: Path) -> NDArray[np.uint32]:
    """Read label words without looking at the scan: [N] uint32.

    Raises:
        HarnessError: the file is missing, unreadable, empty, too large or no whole number of words.
    """
    return _read(path, np.dtype("<u4"), count_words(path))


def count_points(path: Path) -> int:
    """Number of points of a scan, from the size of its file.

    Raises:
        HarnessError: the file is missing, empty, too large or no whole number of points.
    """
    return _count(path, POINT_BYTES, "points")


def count_words(path: Path) -> int:
    """Number of words of a label file, from its size.

    Raises:
        HarnessError: the file is missing, empty, too large or no whole number of words.
    """
    return _count(path, WORD_BYTES, "labels")


def require_words(path: Path, points: int, remedy: str) -> None:
    """Refuse a label file that has not one word for each of a scan's points, and say what to do.

    Raises:
        HarnessError: the file is missing or has another size.
    """
    size = _size(path)
    if size != points * WORD_BYTES:
        found = f"{size} bytes, {size / WORD_BYTES:g} labels"
        expected = f"{points * WORD_BYTES} bytes, one label for each of the scan's {points} points"
        raise HarnessError(path, found, expected, remedy)


def _count(path: Path, item_bytes: int, items: str) -> int:
    size = _size(path)
    if size == 0 or size % item_bytes or size > MOST_POINTS * item_bytes:
        expected = f"whole {items} of {item_bytes} bytes, 1 to {MOST_POINTS} of them"
        raise HarnessError(path, f"{size} bytes", expected, AGAIN)
    return size // item_bytes


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError as error:
        raise unreadable(path, error) from error


def _read(path: Path, dtype: np.dtype[Word], count: int) -> NDArray[Word]:
    try:
        values = np.fromfile(path, dtype=dtype, count=count)
    except OSError as error:
        raise unreadable(path, error) from error
    if len(values) != count:
        raise HarnessError(path, f"{len(values)} values", f"{count} values, as its size says", AGAIN)
    return values


def unreadable(path: Path, error: Exception) -> HarnessError:
    """Say what a failed read means to a user."""
    return HarnessError(path, f"'{getattr(error, 'strerror', None) or error}' on reading", "a readable file", AGAIN)
