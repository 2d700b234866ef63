"""Nominal Velodyne HDL-64E on the roof of a car.

The beams are those of the maker's data sheet and the model that is commonly used for it: an upper block of 32 lasers
from +2 degrees down in steps of 1/3 degree, a lower block of 32 from -8.83 degrees down in steps of 1/2 degree; the
blocks look out 0.21 m and 0.12 m above the sensor's reference height. Sensor axes: x forward, y left, z up.
"""

import numpy as np

from harness.data.street.classes import Raw
from harness.data.street.mesh import Mesh, box
from harness.data.street.turn import Rays, Sensor, directions, range_to

BEAMS = 64
FULL_AZIMUTHS = 2083
HDL64E = Sensor(
    height_m=1.73, max_range_m=80.0, range_quantum_m=0.002, base_loss=0.01, far_loss=0.3, labelled_to_m=50.0
)


def elevations_deg() -> np.ndarray:
    """Elevation of each ring, top ring first, float64 [64]."""
    step = np.arange(32)
    return np.concatenate([2.0 - step / 3.0, -8.83 - step / 2.0])


def origin_offsets_m() -> np.ndarray:
    """Height of each ring's origin over the sensor's reference height, float64 [64]."""
    return np.repeat([0.21, 0.12], 32)


def rays(azimuths: int) -> Rays:
    """Rays of one turn in file order: ring by ring from the top, azimuth rising; R <= 64 * azimuths."""
    ring = np.repeat(np.arange(BEAMS, dtype=np.uint8), azimuths)
    column = np.tile(np.arange(azimuths, dtype=np.int32), BEAMS)
    towards = directions(np.radians(elevations_deg())[ring], (column + 0.5) * (2.0 * np.pi / azimuths))
    origins = np.zeros_like(towards)
    origins[:, 2] = origin_offsets_m()[ring]
    turn = Rays(towards, origins, ring, column, azimuths, np.zeros(len(ring), np.float32), HDL64E)
    return turn.select(np.isinf(range_to(_own_roof(), turn)))


def _own_roof() -> Mesh:
    """Roof of the recording car below the sensor: it shades the lowest rings ahead and behind."""
    return box((2.0, 1.05, 0.1), (-0.1, 0, -0.31), Raw.CAR)
