"""The binary files of a KITTI sequence: a scan's points and its label words."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from harness.data.input_file import AGAIN, count_items, input_size, read_bytes
from harness.data.point_files import MOST_METRES, MOST_POINTS, require_filled, require_sound
from harness.errors import HarnessError

POINT_BYTES = 16
WORD_BYTES = 4


def read_points(path: Path) -> NDArray[np.float32]:
    """Read a scan.

    Returns:
        [N, 4] float32: x, y, z in metres, remission; N ≥ 1.

    Raises:
        HarnessError: the file is missing, unreadable, truncated, without points, too large, or holds a NaN, an
            infinity, an impossible coordinate, or a block of zeros where points should be.
    """
    return to_points(read_bytes(path, count_points(path) * POINT_BYTES), path)


def to_points(data: NDArray[np.uint8], path: Path) -> NDArray[np.float32]:
    """View the bytes of a scan as points, as `read_points` returns them.

    Raises:
        HarnessError: names `path`: a NaN, an infinity, an impossible coordinate, or a block of zeros.
    """
    points = data.view("<f4").reshape(-1, 4)
    # Both bounds are NaN where any value is, and two passes without a temporary array cost less than one with it.
    low, high = points.min(), points.max()
    if not (low >= -MOST_METRES and high <= MOST_METRES):
        expected = f"coordinates within {MOST_METRES:g} m and remissions that are numbers"
        require_sound((np.abs(points) <= MOST_METRES).all(axis=1), expected, path)
    require_filled(data, path)
    return points


def read_words(path: Path, points: int) -> NDArray[np.uint32]:
    """Read a scan's label words.

    Args:
        path: of the label file.
        points: N, number of points of the scan.

    Returns:
        [N] uint32, raw class in the low 16 bits, instance in the high 16.

    Raises:
        HarnessError: the file is missing, unreadable, in the other byte order, or has not one word per point.
    """
    require_words(path, points, AGAIN)
    return to_words(read_bytes(path, points * WORD_BYTES), path)


def read_whole_words(path: Path) -> NDArray[np.uint32]:
    """Read label words without looking at the scan: [N] uint32.

    Raises:
        HarnessError: the file is missing, unreadable, empty, too large, in the other byte order, or no whole number of
            words.
    """
    return to_words(read_bytes(path, count_words(path) * WORD_BYTES), path)


def to_words(data: NDArray[np.uint8], path: Path) -> NDArray[np.uint32]:
    """View the bytes of a label file as words: [N] uint32.

    Raises:
        HarnessError: names `path`: every class is 0 though there are instances, which is what labels without instances
            look like in the other byte order.
    """
    words = data.view("<u4")
    if not data.view("<u2")[::2].any() and words.any():
        raise HarnessError(path, "instances without a single class", "little-endian words", AGAIN)
    return words


def count_points(path: Path) -> int:
    """Number of points of a scan, from the size of its file.

    Raises:
        HarnessError: the file is missing, empty, too large or no whole number of points.
    """
    return count_items(path, POINT_BYTES, "points", MOST_POINTS)


def count_words(path: Path) -> int:
    """Number of words of a label file, from its size.

    Raises:
        HarnessError: the file is missing, empty, too large or no whole number of words.
    """
    return count_items(path, WORD_BYTES, "labels", MOST_POINTS)


def require_words(path: Path, points: int, remedy: str) -> None:
    """Refuse a label file that has not one word for each of a scan's points, and say what to do.

    Raises:
        HarnessError: the file is missing or has another size.
    """
    size = input_size(path)
    if size != points * WORD_BYTES:
        found = f"{size} bytes, {size / WORD_BYTES:g} labels"
        expected = f"{points * WORD_BYTES} bytes, one label for each of the scan's {points} points"
        raise HarnessError(path, found, expected, remedy)
