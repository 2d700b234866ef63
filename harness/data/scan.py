"""One LiDAR scan in memory."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Scan:
    """N points of one sweep, in the order of the file.

    Attributes:
        scan_id: sequence and frame, for example ``08/000004``, or scene and token.
        xyz: [N, 3] float32, metres, in the sensor's frame; z is up, x and y as the data set has them.
        intensity: [N] float32, remission in 0–1.
        labels: [N] int64 train ids, 0 is ignored; None when unknown.
        instances: [N] uint16 instance ids, 0 is none; None when unknown.
        asked: [N] bool, points whose prediction is wanted: those of the current scan, where past ones stand beside it;
            None for all.
    """

    scan_id: str
    xyz: NDArray[np.float32]
    intensity: NDArray[np.float32]
    labels: NDArray[np.int64] | None
    instances: NDArray[np.uint16] | None
    asked: NDArray[np.bool_] | None = None

    def __len__(self) -> int:
        """N, the number of points."""
        return len(self.xyz)

    def take(self, rows: NDArray[np.int64] | NDArray[np.bool_]) -> Scan:
        """Return the points of some rows, by index or mask, in the order given."""
        return replace(
            self,
            xyz=self.xyz[rows],
            intensity=self.intensity[rows],
            labels=None if self.labels is None else self.labels[rows],
            instances=None if self.instances is None else self.instances[rows],
            asked=None if self.asked is None else self.asked[rows],
        )
