"""A kind of sensor, and the rays of one of its turns."""

from dataclasses import dataclass, replace

import numpy as np

from harness.data.street.mesh import Mesh
from harness.data.street.raycast import Caster


@dataclass(frozen=True)
class Sensor:
    """What the echo model and the drive need to know of a kind of sensor and of the data set recorded with it.

    Attributes:
        height_m: of its reference point over the road.
        max_range_m: nothing comes back from beyond.
        range_quantum_m: step of the ranges it reports.
        base_loss: share of the echoes that are lost anywhere.
        far_loss: share that is lost besides at the maximum range; it grows with the fourth power of the range.
        labelled_to_m: annotators of the data set leave what lies beyond unlabeled.
    """

    height_m: float
    max_range_m: float
    range_quantum_m: float
    base_loss: float
    far_loss: float
    labelled_to_m: float


@dataclass(frozen=True)
class Rays:
    """Rays of one turn that clear the recording car, in axes x forward, y left, z up about the sensor.

    Attributes:
        directions: float32 [R, 3], unit vectors.
        origins: float32 [R, 3].
        ring: uint8 [R].
        column: int32 [R], azimuth step of each ray, from straight ahead to the left.
        azimuths: steps of a full turn.
        lag_s: float32 [R], seconds from the ray to the end of the turn.
        sensor: what cast them.
    """

    directions: np.ndarray
    origins: np.ndarray
    ring: np.ndarray
    column: np.ndarray
    azimuths: int
    lag_s: np.ndarray
    sensor: Sensor

    def moving(self, velocity_mps: np.ndarray) -> "Rays":
        """The rays of a sensor that reaches the origin at the end of the turn: each starts from where it was.

        Args:
            velocity_mps: float [3].
        """
        if not self.lag_s.any():
            return self
        return replace(self, origins=self.origins - self.lag_s[:, None] * velocity_mps.astype(np.float32))

    def select(self, chosen: np.ndarray) -> "Rays":
        """The rays for which bool [R] `chosen` is true."""
        kept = {name: getattr(self, name)[chosen] for name in ("directions", "origins", "ring", "column", "lag_s")}
        return replace(self, **kept)


def directions(elevations_rad: np.ndarray, azimuths_rad: np.ndarray) -> np.ndarray:
    """Unit vectors float32 [N, 3] of N elevations and N azimuths (from straight ahead to the left)."""
    level = np.cos(elevations_rad)
    found = np.stack([level * np.cos(azimuths_rad), level * np.sin(azimuths_rad), np.sin(elevations_rad)], 1)
    return np.asarray(found, np.float32)


def range_to(mesh: Mesh, rays: Rays) -> np.ndarray:
    """Metres from each ray's origin to what is fixed to the sensor, infinite where it passes it, float32 [R]."""
    return Caster(mesh.vertices, mesh.faces).cast(rays.origins, rays.directions).distance
