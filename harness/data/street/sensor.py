"""Nominal Velodyne HDL-64E on the roof of a car.

The beams are those of the maker's data sheet and the model that is commonly used for it: an upper block of 32 lasers
from +2 degrees down in steps of 1/3 degree, a lower block of 32 from -8.83 degrees down in steps of 1/2 degree; the
blocks look out 0.21 m and 0.12 m above the sensor's reference height. Sensor axes: x forward, y left, z up.
"""

from dataclasses import dataclass

import numpy as np

from harness.data.street.classes import Raw
from harness.data.street.mesh import box
from harness.data.street.raycast import Caster

BEAMS = 64
FULL_AZIMUTHS = 2083
MAX_RANGE_M = 80.0
RANGE_QUANTUM_M = 0.002


def elevations_deg() -> np.ndarray:
    """Elevation of each ring, top ring first, float64 [64]."""
    step = np.arange(32)
    return np.concatenate([2.0 - step / 3.0, -8.83 - step / 2.0])


def origin_offsets_m() -> np.ndarray:
    """Height of each ring's origin over the sensor's reference height, float64 [64]."""
    return np.repeat([0.21, 0.12], 32)


@dataclass(frozen=True)
class Rays:
    """One turn of the sensor in file order: ring by ring from the top, azimuth rising from straight ahead to the left.

    Attributes:
        directions: float32 [R, 3], unit vectors in sensor axes.
        origins: float32 [R, 3] in sensor axes.
        ring: uint8 [R].
        column: int32 [R], azimuth step of each ray.
        azimuths: steps of a full turn.
    """

    directions: np.ndarray
    origins: np.ndarray
    ring: np.ndarray
    column: np.ndarray
    azimuths: int


def rays(azimuths: int) -> Rays:
    """Rays of one turn that clear the recording car; R <= 64 * azimuths."""
    elevation = np.radians(elevations_deg())[:, None]
    azimuth = (np.arange(azimuths) + 0.5) * (2.0 * np.pi / azimuths)
    directions = (
        np.stack(
            np.broadcast_arrays(
                np.cos(elevation) * np.cos(azimuth), np.cos(elevation) * np.sin(azimuth), np.sin(elevation)
            ),
            2,
        )
        .reshape(-1, 3)
        .astype(np.float32)
    )
    ring = np.repeat(np.arange(BEAMS, dtype=np.uint8), azimuths)
    origins = np.zeros_like(directions)
    origins[:, 2] = origin_offsets_m()[ring]
    column = np.tile(np.arange(azimuths, dtype=np.int32), BEAMS)
    clear = _own_car().cast(origins, directions).face < 0
    return Rays(directions[clear], origins[clear], ring[clear], column[clear], azimuths)


def _own_car() -> Caster:
    """Roof of the recording car below the sensor: it shades the lowest rings ahead and behind."""
    roof = box((1.75, 1.1, 0.1), (-0.1, 0, -0.27), Raw.CAR)
    return Caster(roof.vertices, roof.faces)
