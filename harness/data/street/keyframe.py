"""A keyframe of nuScenes: every firing of a turn, whether its echo came back or not.

The turn takes 50 ms, and the file gives its points in the axes of its end: a lost echo stands where the sensor was when
it fired, as in the real files, and so carries the category of the recording car.
"""

from dataclasses import dataclass

import numpy as np

from harness.data.street.classes import Material, Raw
from harness.data.street.hdl32e import BEAMS, Turn
from harness.data.street.nuscenes_labels import EGO, to_nuscenes
from harness.data.street.remission import remission
from harness.data.street.returns import Returns

_DARKEST, _SCALE, _GAMMA = 1.0, 254.0, 2.4
_LOST_INTENSITY_MEAN = 10.0


@dataclass(frozen=True)
class Keyframe:
    """What the files of a keyframe hold, firing by firing, in a firing from the lowest ring to the highest.

    Attributes:
        points: float32 [32 * azimuths, 5]: x right, y forward, z up in metres, intensity from 0 to 255, ring.
        categories: uint8 [32 * azimuths], index of each point's category.
    """

    points: np.ndarray
    categories: np.ndarray


def keyframe(turn: Turn, returns: Returns, velocity_mps: np.ndarray, rng: np.random.Generator) -> Keyframe:
    """Complete the returns of a turn.

    Args:
        turn: the turn.
        returns: of the turn's rays.
        velocity_mps: float [3], of the sensor in the axes of the rays.
        rng: draws the intensities of what is not among the returns.
    """
    size = len(turn.lag_s)
    place = -turn.lag_s[:, None] * velocity_mps.astype(np.float32)
    brightness = np.minimum(rng.exponential(_LOST_INTENSITY_MEAN, size), 255.0)
    categories = np.full(size, EGO, np.uint8)
    place[turn.roof_slot] += turn.roof
    own = np.full(len(turn.roof_slot), int(Raw.CAR))
    level = np.zeros(len(own), np.float32)
    brightness[turn.roof_slot] = intensity(
        remission(own, np.full(len(own), int(Material.MATTE)), level + np.float32(0.5), level + np.float32(1.0), rng)
    )
    echo = turn.slot[returns.ray]
    place[echo] = returns.points[:, :3]
    brightness[echo] = intensity(returns.points[:, 3])
    categories[echo] = to_nuscenes(returns.labels)
    points = np.empty((size, 5), np.float32)
    points[:, 0], points[:, 1], points[:, 2] = -place[:, 1], place[:, 0], place[:, 2]
    points[:, 3] = np.round(brightness)
    points[:, 4] = np.tile(np.arange(BEAMS), size // BEAMS)
    return Keyframe(points, categories)


def intensity(reflected: np.ndarray) -> np.ndarray:
    """Intensity from 1 to 255 of a remission [N] from 0 to 1.

    The power law is fitted by hand to the percentiles of one real keyframe; its ends are those of the scale.
    """
    return np.asarray(_DARKEST + _SCALE * reflected**_GAMMA)
