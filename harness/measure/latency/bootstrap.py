"""Intervals of percentiles and slopes, for samples of which those of one scan, and of one process, belong together.

Two things make a repeated measurement come out differently: which scans it met, and what its processes happened to get
(addresses, clocks, neighbours). Scans are many and are resampled with replacement, each with all its samples. Processes
are three, and three things resampled cover far too little: their part is the spread of the processes' own figures,
drawn from Student's t with as many degrees of freedom as there are processes but one. Both deviations are added up.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Interval = tuple[float, float]

DRAWS = 2000
LEVEL = 0.95
BLOCK = 2_000_000
"""Entries of the largest array at a time."""


def percentile_interval(values: Floats, share: float, seed: int) -> Interval | None:
    """Return the interval of a percentile; None where there are too few scans for any.

    The smallest and the largest of S scans hold a quantile q between them but for a chance of max(q, 1 − q)^S on either
    side. Nothing that is made of the scans themselves can do better: below 6 scans there is no interval of the median,
    below 72 none of the 95th percentile.

    Args:
        values: [processes, passes, scans].
        share: the percentile as a share of 1.
        seed: of the draws.
    """
    scans = values.shape[2]
    if max(share, 1 - share) ** scans > (1 - LEVEL) / 2:
        return None
    by_process = np.quantile(values.reshape(len(values), -1), share, axis=1)
    return _interval(lambda times: quantiles(values, share, times), by_process, scans, seed)


def slope_interval(x: Floats, values: Floats, seed: int) -> Interval | None:
    """Return the interval of the slope of values over x; None where there are too few scans for any.

    Args:
        x: [scans].
        values: [processes, passes, scans].
        seed: of the draws.
    """
    scans = len(x)
    if len(set(x.tolist())) < 2 or 0.5**scans > (1 - LEVEL) / 2:
        return None
    once = np.ones((1, scans), dtype=np.int64)
    by_process = np.array([slopes(x, one.mean(0), once)[0] for one in values])
    means = values.mean((0, 1))
    return _interval(lambda times: slopes(x, means, times), by_process, scans, seed)


def quantiles(values: Floats, share: float, times: NDArray[np.int64]) -> Floats:
    """Return the quantile of all samples for each draw, interpolated as `numpy.quantile` does.

    Args:
        values: [processes, passes, scans].
        share: 0–1.
        times: [draws, scans], how often each scan was drawn.
    """
    flat = values.ravel()
    order = np.argsort(flat, kind="stable")
    ordered, scan_of = flat[order], order % values.shape[2]
    # Every draw has as many samples as there are, so the quantile lies at the same place in each.
    place = share * (len(flat) - 1)
    low = int(place)
    found = np.empty((2, len(times)))
    block = max(1, BLOCK // len(flat))
    for start in range(0, len(times), block):
        reached = np.cumsum(times[start : start + block].astype(np.int32)[:, scan_of], axis=1, dtype=np.int32)
        for side, rank in enumerate((low, min(low + 1, len(flat) - 1))):
            found[side, start : start + block] = ordered[(reached > rank).argmax(1)]
    below: Floats = found[0] + (place - low) * (found[1] - found[0])
    return below


def slopes(x: Floats, means: Floats, times: NDArray[np.int64]) -> Floats:
    """Return the slope of the least-squares line for each draw; NaN where all its scans have one x.

    Args:
        x: [scans].
        means: [scans], of all samples of a scan, of which each scan has equally many.
        times: [draws, scans], how often each scan was drawn.
    """
    total = times.sum(1)
    centred = x - (times @ x / total)[:, None]
    spread = (times * centred**2).sum(1)
    with np.errstate(invalid="ignore", divide="ignore"):
        found: Floats = np.where(spread > 0, (times * centred) @ means / spread, np.nan)
    return found


def _interval(statistic: Callable[[NDArray[np.int64]], Floats], by_process: Floats, scans: int, seed: int) -> Interval:
    """Return the middle 95 % of the statistic over redrawn scans, widened by the spread of the processes."""
    draw = np.random.Generator(np.random.PCG64(seed))
    drawn = draw.integers(0, scans, (DRAWS, scans)) + np.arange(DRAWS)[:, None] * scans
    found = statistic(np.bincount(drawn.ravel(), minlength=DRAWS * scans).reshape(DRAWS, scans))
    processes = len(by_process)
    if processes > 1:
        error = by_process.std(ddof=1) / np.sqrt(processes)
        found = found + error * draw.standard_t(processes - 1, DRAWS)
    low, high = np.nanquantile(found, ((1 - LEVEL) / 2, (1 + LEVEL) / 2)).tolist()
    return low, high
