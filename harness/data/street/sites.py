"""Small roadworks and parked trailers on the left pavement, in turn every 40 m.

They stand across the road from the recording car, so that each kind is met on any drive of a dozen scans while the
share of its points stays small.
"""

import numpy as np

from harness.data.street.classes import Raw
from harness.data.street.plot import Plot, edge
from harness.data.street.roadworks import barrier, cone, excavator, trailer

_END_M = 8.0


def site(plot: Plot, turn: int) -> None:
    """Put an excavator with cones and a barrier on every fourth plot, a trailer two plots on.

    Args:
        plot: a plot, before anything else is put on its pavement.
        turn: number of the block, counted from anywhere.
    """
    if plot.sign < 0 or turn % 2 == 1:
        return
    plot.free_from_m = _END_M
    rng, walk, kerb = plot.rng, edge(plot, Raw.SIDEWALK), edge(plot, Raw.ROAD)
    yaw = np.pi * rng.integers(0, 2)
    if turn % 4 == 2:
        plot.put(trailer(rng), 5.0, walk - 0.95, yaw, thing=True)
        return
    plot.put(excavator(rng), 4.5, walk - 0.95, yaw, thing=True)
    plot.put(barrier(rng), 7.6, walk - 0.9, np.pi / 2 + rng.normal(0, 0.1))
    for along in (1.0, 4.0, 7.0):
        plot.put(cone(rng), along + rng.uniform(-0.3, 0.3), kerb + 0.3, rng.uniform(0, np.pi / 2))
