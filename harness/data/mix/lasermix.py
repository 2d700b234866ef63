"""LaserMix: two scans cut into areas by inclination, which take turns (Kong et al., CVPR 2023)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from harness.data.mix.join import join
from harness.data.scan import Scan
from harness.spec import Mixing


def lasermix(scan: Scan, partner: Scan, settings: Mixing, rng: np.random.Generator) -> Scan:
    """Return the scan's points of the areas 1, 3, … from above, then the partner's of 2, 4, …, each in their order.

    The areas are equal steps of inclination between two borders, as in mmdetection3d's implementation (re-read). What
    lies above or below the borders belongs to the first or the last area.

    Args:
        scan: N points, in the sensor's frame as it stands: inclinations are those of its beams.
        partner: M points, likewise.
        settings: borders, and the numbers of areas of which one is drawn.
        rng: for this scan and epoch alone.

    Raises:
        ValueError: the settings have no borders.
    """
    if settings.inclination_deg is None:
        raise ValueError("lasermix needs inclination_deg")
    areas = settings.areas[int(rng.random() * len(settings.areas))]
    low, high = np.deg2rad(settings.inclination_deg)
    own, others = (_area(one, low, high, areas) % 2 for one in (scan, partner))
    return join([scan.take(own == 0), partner.take(others == 1)])


def _area(scan: Scan, low_rad: float, high_rad: float, areas: int) -> NDArray[np.int64]:
    """Return the area of each point, [N] in 0 … areas − 1 from above; an upper border belongs to the area below it."""
    x, y, z = scan.xyz.T.astype(np.float64)
    inclination = np.arctan2(z, np.hypot(x, y))
    steps = np.floor((high_rad - inclination) / (high_rad - low_rad) * areas)
    area: NDArray[np.int64] = np.clip(steps, 0, areas - 1).astype(np.int64)
    return area
