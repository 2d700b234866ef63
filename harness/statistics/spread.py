"""Mean and standard deviation over seeds. Seed noise in this field is 0.5–1.5 mIoU, as large as many claimed gains."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Spread:
    """A figure over n seeds.

    Attributes:
        mean: over the seeds.
        sd: sample standard deviation (n − 1 in the denominator); None for one seed, which has none.
        n: number of seeds.
    """

    mean: float
    sd: float | None
    n: int


def spread(values: Sequence[float]) -> Spread | None:
    """Return mean and standard deviation of one value per seed, or None when there is no value.

    Raises:
        ValueError: a value is NaN or infinite; a mean would hide it.
    """
    if not all(math.isfinite(value) for value in values):
        raise ValueError(f"not finite: {list(values)}")
    if not values:
        return None
    sd = statistics.stdev(values) if len(values) > 1 else None
    return Spread(statistics.fmean(values), sd, len(values))
