"""Augmentation of a training scan: rotation, scale, flip, shift and subsampling, in this order."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from harness.data.scan import Scan
from harness.spec import Augmentation, Flip

FLIPPED_AXES: dict[Flip, tuple[int, ...]] = {"none": (), "x": (0,), "y": (1,), "xy": (0, 1)}


def augment(scan: Scan, settings: Augmentation, rng: np.random.Generator) -> Scan:
    """Return an augmented copy of a scan; the points that are kept stay in their order.

    Every draw is made whatever the settings, so that changing one setting leaves the other draws as they were.

    Args:
        scan: N points.
        settings: ranges of the draws.
        rng: a generator for this scan and epoch alone.
    """
    angle_deg = rng.uniform(*settings.rotate_deg)
    factor = rng.uniform(*settings.scale)
    flip = settings.flip[int(rng.random() * len(settings.flip))]
    shift_m = rng.standard_normal(3) * settings.translate_sigma_m

    gain = np.full(3, factor)
    if settings.scale_axes == "xy":
        gain[2] = 1.0
    for axis in FLIPPED_AXES[flip]:
        gain[axis] *= -1.0
    moved = replace(scan, xyz=_move(scan.xyz, np.deg2rad(angle_deg), gain, shift_m))
    if settings.max_points is None or len(scan) <= settings.max_points:
        return moved
    return moved.take(np.sort(rng.choice(len(scan), settings.max_points, replace=False)))


def _move(
    xyz: NDArray[np.float32], angle_rad: float, gain: NDArray[np.float64], shift_m: NDArray[np.float64]
) -> NDArray[np.float32]:
    """Turn points about z, scale them and shift them, in float64.

    Written out, since a matrix product may round by the number of threads; and axis by axis, which takes half the time.
    """
    cos, sin = np.cos(angle_rad), np.sin(angle_rad)
    x, y, z = xyz.T.astype(np.float64, order="C")
    moved = np.empty_like(xyz)
    for axis, turned in enumerate((cos * x - sin * y, sin * x + cos * y, z)):
        moved[:, axis] = turned * gain[axis] + shift_m[axis]
    return moved
