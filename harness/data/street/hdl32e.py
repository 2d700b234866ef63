"""Nominal Velodyne HDL-32E on the roof of a car, as nuScenes records it.

The beams are those of the maker's data sheet: 32 lasers from -30.67 degrees up in steps of 4/3 degree, all from one
origin, turning clockwise twenty times a second. On a real keyframe, the elevations agree within 0.03 degrees, a
turn has 1084 firings of all 32 lasers that begin on the left, and lower rings meet the car's own roof between 0.5 m
(nearer echoes are lost) and 1.2 m. The roof below has the outline seen there.
"""

from dataclasses import dataclass

import numpy as np

from harness.data.street.classes import Raw
from harness.data.street.mesh import Mesh, box, merge
from harness.data.street.turn import Rays, Sensor, directions, range_to

BEAMS = 32
FULL_AZIMUTHS = 1084
TURN_S = 0.05
MIN_RANGE_M = 0.5
HDL32E = Sensor(
    height_m=1.84, max_range_m=105.0, range_quantum_m=0.002, base_loss=0.025, far_loss=0.7, labelled_to_m=np.inf
)


def elevations_deg() -> np.ndarray:
    """Elevation of each ring, lowest ring first, float64 [32]."""
    return -30.67 + np.arange(BEAMS) * 4.0 / 3.0


@dataclass(frozen=True)
class Turn:
    """One turn in file order: firing by firing, clockwise from the left, in a firing ring by ring from the lowest.

    Attributes:
        rays: those that clear the recording car.
        slot: int64 [R], place of each ray in the file.
        lag_s: float32 [32 * azimuths], seconds from each place to the end of the turn.
        roof_slot: int64 [Q], places whose ray meets the recording car 0.5 m away or farther.
        roof: float32 [Q, 3], where it does, in the axes of the rays.
    """

    rays: Rays
    slot: np.ndarray
    lag_s: np.ndarray
    roof_slot: np.ndarray
    roof: np.ndarray


def turn(azimuths: int) -> Turn:
    """A turn of `azimuths` firings."""
    ring = np.tile(np.arange(BEAMS, dtype=np.uint8), azimuths)
    firing = np.repeat(np.arange(azimuths, dtype=np.int32), BEAMS)
    column = (azimuths // 4 - 1 - firing) % azimuths
    towards = directions(np.radians(elevations_deg())[ring], (column + 0.5) * (2.0 * np.pi / azimuths))
    lag_s = ((azimuths - 1 - firing) * (TURN_S / azimuths)).astype(np.float32)
    every = Rays(towards, np.zeros_like(towards), ring, column, azimuths, lag_s, HDL32E)
    near = range_to(_own_roof(), every)
    on_roof = np.flatnonzero(np.isfinite(near) & (near >= MIN_RANGE_M))
    clear = np.isinf(near)
    return Turn(every.select(clear), np.flatnonzero(clear), lag_s, on_roof, towards[on_roof] * near[on_roof, None])


def _own_roof() -> Mesh:
    """Roof in front of, below and behind the sensor, the aerial at its back, and what holds the sensor."""
    return merge(
        [
            box((0.53, 1.08, 0.1), (0.465, 0, -0.39), Raw.CAR),
            box((0.16, 1.2, 0.1), (0.12, 0, -0.39), Raw.CAR),
            box((0.3, 0.96, 0.1), (-0.11, 0, -0.39), Raw.CAR),
            box((0.24, 1.02, 0.1), (-0.38, 0, -0.39), Raw.CAR),
            box((0.3, 0.86, 0.1), (-0.65, 0, -0.39), Raw.CAR),
            box((0.05, 0.17, 0.15), (-0.86, 0, -0.335), Raw.CAR),
            box((0.1, 0.3, 0.2), (-0.31, 0, -0.3), Raw.CAR),
        ]
    )
