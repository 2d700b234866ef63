"""One LiDAR scan in memory."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Scan:
    """N points of one sweep, in the order of the file.

    Attributes:
        scan_id: sequence and frame, for example ``08/000004``.
        xyz: [N, 3] float32, metres, x forward, y left, z up, in the sensor's frame.
        intensity: [N] float32, remission in 0–1.
        labels: [N] int64 train ids, 0 is ignored; None when unknown.
        instances: [N] uint16 instance ids, 0 is none; None when unknown.
    """

    scan_id: str
    xyz: NDArray[np.float32]
    intensity: NDArray[np.float32]
    labels: NDArray[np.int64] | None
    instances: NDArray[np.uint16] | None

    def __len__(self) -> int:
        """N, the number of points."""
        return len(self.xyz)
