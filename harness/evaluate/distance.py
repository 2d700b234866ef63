"""The bands of distance of SemanticKITTI's by-distance script, and which of them a point lies in.

A point on a limit, at the sensor itself or 50 m away and more is in no band: the script's inequalities are all strict.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from torch import Tensor

BANDS_M: tuple[tuple[float, float], ...] = ((1e-8, 10.0), (10.0, 20.0), (20.0, 30.0), (30.0, 40.0), (40.0, 50.0))
"""Lower and upper limit of each band, neither of them in it."""

NO_BAND = len(BANDS_M)
"""Index of the points that lie in no band."""


def band_of(xyz: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return the index into `BANDS_M` of each point, or `NO_BAND`.

    As `evaluate_semantics_by_distance.py` has it since October 2020 (re-read; before, the remission was taken for a
    fourth coordinate): the depth is the norm in float32, squares added from x on, and compared in float32.

    Args:
        xyz: [N, 3] metres, from the sensor; a column may be a view of a scan.

    Returns:
        [N] uint8.
    """
    squares = xyz[:, 0] * xyz[:, 0]
    for axis in (1, 2):
        squares += xyz[:, axis] * xyz[:, axis]
    depth = np.sqrt(squares, out=squares)
    band = np.full(len(depth), NO_BAND, dtype=np.uint8)
    for index, (above, below) in enumerate(BANDS_M):
        band[(depth > np.float32(above)) & (depth < np.float32(below))] = index
    return band


def band_of_tensor(xyz: Tensor) -> Tensor:
    """Return what `band_of` does, by the same arithmetic: [N, 3] float32 on any device → [N] int64 there.

    The host waits for nothing: to write where a mask says so would need the number of its points on some devices.
    """
    x, y, z = (xyz * xyz).unbind(1)
    depth = (x + y + z).sqrt()
    band = depth.new_full(depth.shape, NO_BAND).char()
    for index, (above, below) in enumerate(BANDS_M):
        band.add_((depth > above) & (depth < below), alpha=index - NO_BAND)  # a point is in one band at most
    return band.long()
