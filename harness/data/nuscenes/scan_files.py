"""The binary files of a keyframe: its points and its labels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from harness.data.input_file import AGAIN, count_items, input_size, read_bytes
from harness.data.point_files import MOST_METRES, MOST_POINTS, require_filled, require_sound
from harness.errors import HarnessError

POINT_BYTES = 20
HIGHEST_INTENSITY = 255.0
HIGHEST_RING = 255.0


def read_points(path: Path) -> NDArray[np.float32]:
    """Read a scan.

    Returns:
        [N, 5] float32: x to the right, y forward, z up in metres, intensity in 0–255, ring; N ≥ 1.

    Raises:
        HarnessError: the file is missing, no regular file, truncated, without points, too large, or holds a NaN, an
            infinity, an impossible value, or a block of zeros where points should be.
    """
    return to_points(read_bytes(path, count_points(path) * POINT_BYTES), path)


def to_points(data: NDArray[np.uint8], path: Path) -> NDArray[np.float32]:
    """View the bytes of a scan as points, as `read_points` returns them.

    Raises:
        HarnessError: names `path`: a NaN, an infinity, an impossible value, or a block of zeros.
    """
    points = data.view("<f4").reshape(-1, 5)
    ring = points[:, 4]
    sound = (np.abs(points[:, :3]) <= MOST_METRES).all(axis=1)
    sound &= (points[:, 3] >= 0) & (points[:, 3] <= HIGHEST_INTENSITY)
    # Bytes in the wrong order make rings far below 1, where coordinates may pass for real ones.
    sound &= (ring >= 0) & (ring <= HIGHEST_RING) & (ring == np.floor(ring))
    expected = (
        f"coordinates within {MOST_METRES:g} m, intensities 0 to {HIGHEST_INTENSITY:g}, rings that are whole "
        f"numbers from 0 to {HIGHEST_RING:g}"
    )
    require_sound(sound, expected, path)
    require_filled(data, path)
    return points


def read_labels(path: Path, points: int) -> NDArray[np.uint8]:
    """Read the raw ids of a scan's N points: [N] uint8.

    Raises:
        HarnessError: the file is missing, unreadable or has not one byte per point.
    """
    require_labels(path, points)
    return read_bytes(path, points)


def read_whole_labels(path: Path) -> NDArray[np.uint8]:
    """Read raw ids without looking at the scan: [N] uint8.

    Raises:
        HarnessError: the file is missing, unreadable, empty or too large.
    """
    return read_bytes(path, count_labels(path))


def require_labels(path: Path, points: int) -> None:
    """Refuse a label file that has not one byte for each of a scan's points.

    Raises:
        HarnessError: the file is missing or has another size.
    """
    size = input_size(path)
    if size != points:
        found, expected = f"{size} bytes", f"{points} bytes, one label for each of the scan's {points} points"
        raise HarnessError(path, found, expected, AGAIN)


def count_labels(path: Path) -> int:
    """Number of labels, from the size of their file.

    Raises:
        HarnessError: the file is missing, empty or too large.
    """
    return count_items(path, 1, "labels", MOST_POINTS)


def count_points(path: Path) -> int:
    """Number of points of a scan, from the size of its file.

    Raises:
        HarnessError: the file is missing, empty, too large or no whole number of points.
    """
    return count_items(path, POINT_BYTES, "points", MOST_POINTS)
