"""Remission from class, incidence and range."""

import numpy as np

from harness.data.street.classes import IDS, Material, Raw, standing

_MEAN_AND_DEVIATION = {
    Raw.CAR: (0.12, 0.19),
    Raw.BICYCLE: (0.36, 0.26),
    Raw.BUS: (0.38, 0.2),
    Raw.MOTORCYCLE: (0.19, 0.15),
    Raw.TRUCK: (0.27, 0.16),
    Raw.OTHER_VEHICLE: (0.32, 0.17),
    Raw.PERSON: (0.41, 0.15),
    Raw.BICYCLIST: (0.35, 0.2),
    Raw.MOTORCYCLIST: (0.25, 0.2),
    Raw.ROAD: (0.25, 0.10),
    Raw.PARKING: (0.28, 0.09),
    Raw.SIDEWALK: (0.29, 0.09),
    Raw.OTHER_GROUND: (0.28, 0.11),
    Raw.BUILDING: (0.36, 0.15),
    Raw.FENCE: (0.30, 0.15),
    Raw.OTHER_STRUCTURE: (0.34, 0.14),
    Raw.LANE_MARKING: (0.39, 0.16),
    Raw.VEGETATION: (0.30, 0.14),
    Raw.TRUNK: (0.34, 0.15),
    Raw.TERRAIN: (0.34, 0.10),
    Raw.POLE: (0.22, 0.20),
    Raw.TRAFFIC_SIGN: (0.42, 0.31),
    Raw.OTHER_OBJECT: (0.33, 0.17),
}
_STEP = 0.01


def _table() -> tuple[np.ndarray, np.ndarray]:
    mean, deviation = np.full(IDS, 0.05, np.float32), np.full(IDS, 0.08, np.float32)
    for raw in Raw:
        if standing(raw) in _MEAN_AND_DEVIATION:
            mean[raw], deviation[raw] = _MEAN_AND_DEVIATION[standing(raw)]
    return mean, deviation


_MEAN, _DEVIATION = _table()
_MATERIAL_FACTOR = np.ones(4, np.float32)
_MATERIAL_FACTOR[[Material.GLASS, Material.DARK_PAINT, Material.RETROREFLECTIVE]] = 0.5, 0.8, 1.2


def remission(
    raw: np.ndarray, material: np.ndarray, cosine: np.ndarray, range_m: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Remission in [0, 0.99], in steps of 0.01 as the data set stores it.

    Each class follows a gamma law with the class's mean and deviation, reached from a normal variable by the cube of
    Wilson and Hilferty (1931). Part of that variable is the incidence (steep is bright) and the range (near is
    bright), the rest is noise.

    Args:
        raw, material: integers [N]. cosine: float32 [N]. range_m: float32 [N].

    Returns:
        float32 [N].
    """
    steepness = (cosine - np.float32(0.45)) / np.float32(0.3)
    nearness = np.clip((np.float32(15.0) - range_m) / np.float32(20.0), -1.5, 0.75)
    noise = rng.standard_normal(len(raw), dtype=np.float32)
    normal = np.float32(0.2) * steepness + np.float32(0.2) * nearness + np.float32(0.95) * noise
    mean, deviation = _MEAN[raw], _DEVIATION[raw]
    inverse_shape = np.square(deviation / mean)
    root = 1.0 - inverse_shape / 9.0 + normal * np.sqrt(inverse_shape) / 3.0
    value = mean * np.maximum(root, 0.0) ** 3 * _MATERIAL_FACTOR[material]
    return np.asarray(np.round(np.clip(value, 0.0, 0.99) / _STEP) * _STEP, dtype=np.float32)
