"""From exact hits to what the sensor reports: lost echoes, noise, scatter inside foliage, ghosts."""

from dataclasses import dataclass

import numpy as np

from harness.data.street.classes import IDS, Material, Raw
from harness.data.street.remission import remission
from harness.data.street.turn import Rays, Sensor

_NOISE_M = 0.01
_DEEPEST_M = 1.2
_GHOST_SHARE = 1.5e-4
_IS_GROUND = np.isin(np.arange(IDS), [Raw.ROAD, Raw.SIDEWALK, Raw.TERRAIN])


def _by_class(default: float, values: dict[Raw, float]) -> np.ndarray:
    table = np.full(IDS, default, np.float32)
    table[[int(raw) for raw in values]] = list(values.values())
    return table


_ROUGHNESS_M = _by_class(_NOISE_M, {Raw.TERRAIN: 0.02, Raw.VEGETATION: 0.04, Raw.TRUNK: 0.02, Raw.FENCE: 0.02})
_DEPTH_M = _by_class(0.0, {Raw.VEGETATION: 0.3, Raw.TERRAIN: 0.04})
_MATERIAL_LOSS = np.zeros(4, np.float32)
_MATERIAL_LOSS[[Material.GLASS, Material.DARK_PAINT]] = 0.75, 0.3


@dataclass(frozen=True)
class Returns:
    """What the sensor reports of one turn.

    Attributes:
        points: float32 [N, 4]: x, y, z in metres in sensor axes, remission.
        labels: uint32 [N], raw class in the low 16 bits, instance in the high 16.
        ring: uint8 [N].
        ray: int64 [N], which ray of the turn each came back along; strictly growing.
    """

    points: np.ndarray
    labels: np.ndarray
    ring: np.ndarray
    ray: np.ndarray


def loss_probability(range_m: np.ndarray, cosine: np.ndarray, material: np.ndarray, sensor: Sensor) -> np.ndarray:
    """Chance that an echo is lost: the sensor's own, and what range, grazing incidence and the surface add. [N]."""
    far = sensor.far_loss * np.square(np.square(range_m / sensor.max_range_m))
    grazing = 0.35 * np.maximum(0.0, 1.0 - cosine / 0.06)
    return np.asarray(1.0 - (1.0 - sensor.base_loss - far) * (1.0 - grazing) * (1.0 - _MATERIAL_LOSS[material]))


def measure(
    rays: Rays,
    distance: np.ndarray,
    cosine: np.ndarray,
    labels: np.ndarray,
    materials: np.ndarray,
    rng: np.random.Generator,
) -> Returns:
    """Echoes of one turn in scan order.

    Args:
        rays: the turn.
        distance: float32 [R], metres to the first hit, infinite for none.
        cosine: float32 [R], of the incidence.
        labels: uint32 [R], labels of what was hit. materials: uint8 [R].
    """
    chance = rng.random(len(distance), dtype=np.float32)
    sensor = rays.sensor
    near = np.flatnonzero(distance < sensor.max_range_m)
    lost = loss_probability(distance[near], cosine[near], materials[near], sensor)
    kept = near[chance[near] >= lost]
    true_range, slant, label, material = distance[kept], cosine[kept], labels[kept], materials[kept]
    raw = label & np.uint32(0xFFFF)
    reported = true_range + _ROUGHNESS_M[raw] * rng.standard_normal(len(kept), dtype=np.float32)
    porous = np.flatnonzero(_DEPTH_M[raw])
    depth = _DEPTH_M[raw[porous]] * rng.standard_exponential(len(porous), dtype=np.float32)
    reported[porous] += np.minimum(depth, np.float32(_DEEPEST_M))
    label = label * (true_range < sensor.labelled_to_m)
    ghost = _ghosts(raw, true_range, rng)
    reported[ghost] *= rng.uniform(1.6, 2.6, len(ghost)).astype(np.float32)
    label[ghost] = int(Raw.OUTLIER)
    quantum = np.float32(sensor.range_quantum_m)
    reported = np.round(reported / quantum) * quantum
    points = np.empty((len(kept), 4), np.float32)
    points[:, :3] = np.take(rays.origins, kept, axis=0) + np.take(rays.directions, kept, axis=0) * reported[:, None]
    points[:, 3] = remission(raw, material, slant, true_range, rng)
    return Returns(points, label.astype(np.uint32), rays.ring[kept], kept)


def _ghosts(raw: np.ndarray, range_m: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Indices of ground echoes that come back after a second reflection, and so appear below the ground."""
    eligible = np.flatnonzero(_IS_GROUND[raw] & (range_m > 6.0) & (range_m < 20.0))
    count = min(len(eligible), int(rng.poisson(_GHOST_SHARE * len(raw))))
    return rng.choice(eligible, count, replace=False) if count else np.zeros(0, np.int64)
