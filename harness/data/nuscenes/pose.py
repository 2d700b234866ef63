"""Where a sensor or a vehicle is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from harness.data.input_file import AGAIN
from harness.errors import HarnessError

NORM_TOLERANCE = 1e-3


class Pose(NamedTuple):
    """A rotation, as the quaternion w, x, y, z of length 1, and a translation in metres."""

    rotation: tuple[float, float, float, float]
    translation: tuple[float, float, float]

    @classmethod
    def of(cls, rotation: Sequence[float], translation: Sequence[float], where: object) -> Pose:
        """Make a pose of what stands in a table.

        Raises:
            HarnessError: names `where`: not four numbers of length 1, or not three.
        """
        if len(rotation) != 4 or abs(sum(value * value for value in rotation) - 1) > 2 * NORM_TOLERANCE:
            raise HarnessError(where, f"rotation {str(rotation)[:80]}", "a quaternion of length 1", AGAIN)
        if len(translation) != 3:
            raise HarnessError(where, f"translation {str(translation)[:80]}", "three numbers in metres", AGAIN)
        w, x, y, z = rotation
        east, north, up = translation
        return cls((w, x, y, z), (east, north, up))

    def matrix(self) -> NDArray[np.float64]:
        """Return the transform into the frame around, [4, 4] float64; the quaternion is brought to length 1 first."""
        w, x, y, z = np.asarray(self.rotation) / np.linalg.norm(self.rotation)
        matrix = np.eye(4)
        matrix[:3, :3] = [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
        matrix[:3, 3] = self.translation
        return matrix
