"""What files of points have in common, whatever their columns: float32 in rows, and the marks of damage."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from harness.data.input_file import AGAIN
from harness.errors import HarnessError

MOST_POINTS = 4_000_000
"""Thirty times a dense HDL-64E scan: a larger file is no scan and is not read into memory."""
MOST_METRES = 1000.0
"""Eight times the sensor's reach: a coordinate beyond this is damage."""
BLOCK_BYTES = 4096
"""What file systems and tools that write in pieces fill at once, and leave as zeros where they do not."""


def require_sound(sound: NDArray[np.bool_], expected: str, path: Path) -> None:
    """Refuse points with impossible values.

    Args:
        sound: [N], whether each point is possible.
        expected: what makes it so.
        path: of the file.

    Raises:
        HarnessError: some point is not; names their number.
    """
    if not sound.all():
        found = f"{int((~sound).sum())} of {len(sound)} points with a NaN, an infinity or an impossible value"
        raise HarnessError(path, found, expected, AGAIN)


def require_filled(data: NDArray[np.uint8], path: Path) -> None:
    """Refuse a file that was allocated and never filled: one with a whole block of zeros, or a shorter one of zeros.

    Single points of zeros are let pass: a sensor may write a lost echo at its own place.

    Args:
        data: [bytes] of the file, from its beginning; at least one.
        path: of the file.

    Raises:
        HarnessError: names the number of blocks.
    """
    whole = len(data) // BLOCK_BYTES * BLOCK_BYTES
    blocks = data[:whole].reshape(-1, BLOCK_BYTES) if whole else data.reshape(1, -1)
    suspects = blocks[blocks[:, 0] == 0]
    blank = int((~suspects.any(axis=1)).sum())
    if blank:
        found = f"{blank} of {len(blocks)} disk blocks that are zeros alone"
        raise HarnessError(path, found, "coordinates in metres, not the zeros of an unfinished copy", AGAIN)
