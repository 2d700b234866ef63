"""Samples as percentiles, a line over the number of voxels, and how sure both are."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from harness.measure.latency.bootstrap import percentile_interval, slope_interval
from harness.spec.latency import LatencyFit, SpanResult

P99_SAMPLES = 200
"""Fewest samples for which a 99th percentile is more than the second-largest value."""

LEAST_RATIO = 1.2
"""Of the voxels of the largest scan to those of the smallest: scans more alike than that tell noise, and no line."""


def summarise_span(values_ms: ArrayLike) -> SpanResult:
    """Return percentiles, mean and median absolute deviation of samples in any shape, in milliseconds."""
    values = np.asarray(values_ms, dtype=np.float64).ravel()
    p50, p95, p99 = np.percentile(values, (50, 95, 99))
    return SpanResult(
        p50_ms=float(p50),
        p95_ms=float(p95),
        p99_ms=float(p99) if len(values) >= P99_SAMPLES else None,
        mean_ms=float(values.mean()),
        mad_ms=float(np.median(np.abs(values - p50))),
    )


def summarise_processes(values_ms: ArrayLike, seed: int = 0) -> SpanResult:
    """Return what `summarise_span` does, with intervals of the 50th and the 95th percentile.

    Args:
        values_ms: [processes, passes, scans].
        seed: of the bootstrap's draws.
    """
    values = np.asarray(values_ms, dtype=np.float64)
    intervals = {
        "p50_interval_ms": percentile_interval(values, 0.5, seed),
        "p95_interval_ms": percentile_interval(values, 0.95, seed),
    }
    return summarise_span(values).model_copy(update=intervals)


def fit_over_voxels(voxels: Sequence[float], values_ms: Sequence[float]) -> LatencyFit | None:
    """Fit ms = a + b · voxels / 1000 by least squares; None where the largest scan is below `LEAST_RATIO` smallest."""
    if max(voxels) < LEAST_RATIO * min(voxels):
        return None
    slope, intercept = np.polyfit(np.asarray(voxels) / 1e3, np.asarray(values_ms), 1)
    return LatencyFit(intercept_ms=float(intercept), ms_per_1000_voxels=float(slope))


def fit_processes(voxels: Sequence[int], values_ms: ArrayLike, seed: int = 0) -> LatencyFit | None:
    """Return what `fit_over_voxels` does, with an interval of the slope.

    Args:
        voxels: [scans].
        values_ms: [processes, passes, scans].
        seed: of the bootstrap's draws.
    """
    values, counts = np.asarray(values_ms, dtype=np.float64), np.asarray(voxels, dtype=np.float64)
    # The line through all samples is the one through the scans' means, since every scan has equally many.
    fit = fit_over_voxels(counts.tolist(), values.mean((0, 1)).tolist())
    interval = slope_interval(counts / 1e3, values, seed)
    return fit and fit.model_copy(update={"slope_interval": interval})
