"""Scans of one stretch of a street."""

from collections.abc import Iterator, Sequence

import numpy as np

from harness.data.street.draws import generator
from harness.data.street.hdl64e import HDL64E
from harness.data.street.mesh import Mesh
from harness.data.street.raycast import Caster
from harness.data.street.returns import Returns, measure
from harness.data.street.scene import SUBURB, Street, Surroundings
from harness.data.street.traffic import Companion, Mover, Traffic, near
from harness.data.street.trajectory import Centreline, Ego
from harness.data.street.turn import Rays, Sensor

_LANE_SHARE = 0.48
_REACH_M = 3.9
"""Half of the longest side of a moving thing, and what the sensor drives in a turn."""


class Drive:
    """One sequence: its street, its traffic and the sensor's way, all functions of seed and sequence.

    Args:
        seed, sequence: the key of every draw.
        frames: tenths of a second that it lasts; a longer sequence begins with the same scans.
        sensor: what rides on the roof.
        surroundings: what the street is drawn from.
    """

    def __init__(
        self, seed: int, sequence: str, frames: int, sensor: Sensor = HDL64E, surroundings: Surroundings = SUBURB
    ) -> None:
        self.seed, self.sequence = seed, sequence
        self.street = Street.draw(seed, sequence, surroundings)
        speed = float(generator(seed, sequence, "speed").uniform(8.0, 12.5))
        self.line = Centreline(seed, sequence, length_m=speed * (0.1 * frames + 1.0) + 200.0)
        self.ego = Ego(self.line, speed, -_LANE_SHARE * self.street.half_width_m, sensor.height_m)
        self.traffic = Traffic(self.street, self.ego)

    def scans(self, first: int, last: int, rays: Rays, step: int = 1) -> Iterator[Returns]:
        """Scans at every `step`-th frame from `first` to `last` - 1.

        The street between them is built and committed to the ray caster once.
        """
        mesh = self.street.stretch(self.ego.along(first), self.ego.along(last), rays.sensor.max_range_m)
        origin = self.ego.pose(first)[:3, 3]
        street = Caster(self.line.to_world(mesh.vertices) - origin, mesh.faces)
        movers = self.traffic.between(first, last)
        for frame in range(first, last, step):
            turn = rays.moving(self.ego.velocity(frame))
            yield self._scan(frame, street, mesh, movers, origin, turn)

    def _scan(
        self,
        frame: int,
        street: Caster,
        mesh: Mesh,
        movers: Sequence[Mover | Companion],
        origin: np.ndarray,
        rays: Rays,
    ) -> Returns:
        pose = self.ego.pose(frame)
        turn = pose[:3, :3].astype(np.float32)
        place = (pose[:3, 3] - origin).astype(np.float32)
        origins, directions = rays.origins @ turn.T + place, rays.directions @ turn.T
        still = street.cast(origins, directions)
        distance, cosine = still.distance, still.cosine
        labels, materials = mesh.labels[still.face], mesh.materials[still.face]
        moving = near(movers, frame, self.ego.along(frame), rays.sensor.max_range_m)
        corners = self.line.to_world(moving.vertices) - origin
        seen = np.flatnonzero(_columns_towards((corners - place) @ turn, rays.azimuths)[rays.column])
        before = Caster(corners, moving.faces).cast(origins[seen], directions[seen])
        front = np.flatnonzero(before.distance < distance[seen])
        hidden, face = seen[front], before.face[front]
        distance[hidden], cosine[hidden] = before.distance[front], before.cosine[front]
        labels[hidden], materials[hidden] = moving.labels[face], moving.materials[face]
        noise = generator(self.seed, self.sequence, "returns", frame)
        return measure(rays, distance, cosine, labels, materials, noise)


def _columns_towards(corners: np.ndarray, azimuths: int) -> np.ndarray:
    """Azimuth steps that may meet one of the corners' objects, bool [azimuths].

    It is enough to mark about each corner the angle under which the largest step to another corner of its object, and
    the way of the sensor during a turn, are seen from its distance.
    """
    angle = np.arctan2(corners[:, 1], corners[:, 0])
    reach = np.arcsin(_REACH_M / np.maximum(np.hypot(corners[:, 0], corners[:, 1]), _REACH_M))
    step = azimuths / (2 * np.pi)
    low = np.floor((angle - reach) * step).astype(np.int64)
    high = np.ceil((angle + reach) * step).astype(np.int64)
    starts = np.bincount(low + azimuths, minlength=3 * azimuths + 2)
    ends = np.bincount(high + azimuths + 1, minlength=3 * azimuths + 2)
    covered = np.cumsum(starts - ends)[: 3 * azimuths] > 0
    return np.asarray(covered.reshape(3, azimuths).any(axis=0))
