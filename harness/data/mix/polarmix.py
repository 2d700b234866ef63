"""PolarMix: half a turn of two scans exchanged, and things of one pasted into the other (Xiao et al., NeurIPS 2022)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from harness.data.mix.join import join
from harness.data.scan import Scan
from harness.spec import Mixing

THIRD_RAD = 2 * np.pi / 3


def polarmix(scan: Scan, partner: Scan, settings: Mixing, things: Sequence[int], rng: np.random.Generator) -> Scan:
    """Return a scan with half a turn of its partner's points and three copies of its partner's things.

    As in the authors' code and in mmdetection3d's (both re-read): the half turn begins at an azimuth in −π … 0; the
    things are pasted where they stand, then turned by an angle of the first and by one of the second third of a turn.
    The authors draw the two angles once per run, mmdetection3d and this function once per scan.

    Every draw is made whatever the settings. The points stand in this order: the scan's, those exchanged, the copies.

    Args:
        scan: N labelled points.
        partner: M labelled points.
        settings: how likely each of both steps is.
        things: train ids of the classes that are pasted.
        rng: for this scan and epoch alone.

    Raises:
        ValueError: the partner has no labels, which say what its things are.
    """
    if partner.labels is None:
        raise ValueError("polarmix needs labels")
    swaps, start_rad = rng.random() < settings.swap_probability, rng.uniform(-np.pi, 0)
    pastes = rng.random() < settings.paste_probability
    angles_rad = (0.0, rng.uniform(0, THIRD_RAD), rng.uniform(THIRD_RAD, 2 * THIRD_RAD))
    parts = [scan]
    if swaps:
        parts = [scan.take(~_in_half_turn(scan, start_rad)), partner.take(_in_half_turn(partner, start_rad))]
    if pastes:
        pasted = partner.take(np.isin(partner.labels, things))
        parts += [_turn(pasted, angle_rad) for angle_rad in angles_rad]
    return join(parts)


def _in_half_turn(scan: Scan, start_rad: float) -> NDArray[np.bool_]:
    """Tell which points lie in the half turn that begins at an azimuth in −π … 0, [N]."""
    x, y, _ = scan.xyz.T.astype(np.float64)
    azimuth = np.arctan2(y, x)
    inside: NDArray[np.bool_] = (azimuth > start_rad) & (azimuth < start_rad + np.pi)
    return inside


def _turn(scan: Scan, angle_rad: float) -> Scan:
    """Turn points about z; an angle of 0 changes no bit."""
    cos, sin = np.cos(angle_rad), np.sin(angle_rad)
    x, y, z = scan.xyz.T.astype(np.float64)
    return replace(scan, xyz=np.stack([cos * x - sin * y, sin * x + cos * y, z], axis=1).astype(np.float32))
