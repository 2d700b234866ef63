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
    xyz = (_rotate_z(scan.xyz.astype(np.float64), np.deg2rad(angle_deg)) * gain + shift_m).astype(np.float32)
    moved = replace(scan, xyz=xyz)
    if settings.max_points is None or len(scan) <= settings.max_points:
        return moved
    return _take(moved, np.sort(rng.choice(len(scan), settings.max_points, replace=False)))


def _rotate_z(xyz: NDArray[np.float64], angle_rad: float) -> NDArray[np.float64]:
    """Turn points about z. Written out, since a matrix product may round by the number of threads."""
    cos, sin = np.cos(angle_rad), np.sin(angle_rad)
    return np.stack([cos * xyz[:, 0] - sin * xyz[:, 1], sin * xyz[:, 0] + cos * xyz[:, 1], xyz[:, 2]], axis=1)


def _take(scan: Scan, rows: NDArray[np.int64]) -> Scan:
    return replace(
        scan,
        xyz=scan.xyz[rows],
        intensity=scan.intensity[rows],
        labels=None if scan.labels is None else scan.labels[rows],
        instances=None if scan.instances is None else scan.instances[rows],
    )
