"""How far a mean over seeds may be from what all seeds on all roads would give.

The figure y of seed s on stretch r is taken as  y = μ + seed_s + road_r + rest_sr,  a two-way crossed random-effects
model: all seeds drive the same stretches. Over n seeds and J stretches the variance of the mean is

    var(seed)/n + var(road)/J + var(rest)/(nJ)

and has two parts that can be estimated. That of the seeds, n's sample variance over n, holds var(seed)/n and the rest.
That of the roads is read from a bootstrap over the stretches: variance of the mean of the seeds over roads drawn anew,
times J/(J − 1), less what the rest contributes to it, which is how much the seeds disagree on those roads.
A bootstrap that draws seeds and stretches together finds one n-th too little of var(seed), a third of it at 3 seeds,
and about three times the rest (no bootstrap is exact here: Owen 2007, "The pigeonhole bootstrap").

Each part has its own degrees of freedom, n − 1 and J − 1, so that Student's quantiles are averaged, weighted by the
parts, as Cochran and Cox do for two means of unequal variance ("Experimental Designs"). Satterthwaite's single
number of degrees of freedom is the usual alternative; at 3 seeds it lets the level of a test rise to 8 %.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from harness.statistics.scores import SeedScores

LEVEL = 0.95
LEAST_P = 1e-12
"""No smaller p-value is told from 0."""


@dataclass(frozen=True)
class Uncertainty:
    """Variance of a mean over seeds, by its source.

    Attributes:
        of_seeds: its part that more seeds would lessen.
        of_roads: its part that more road would lessen; 0 where roads were not drawn: such a figure speaks of its
            own scans alone.
        seeds: at least 2.
        stretches: that the roads were drawn from; 0 without.
    """

    of_seeds: float
    of_roads: float
    seeds: int
    stretches: int

    def half_width(self, level: float = LEVEL) -> float:
        """Return the half width of the interval that holds the true figure with a chance of `level`."""
        return self._half_width(1 - level)

    def p_value(self, figure: float) -> float:
        """Return the two-sided p-value of a figure whose true value is 0, from `LEAST_P` to 1.

        It is the level at which the interval about the figure just reaches 0.
        """
        from scipy.optimize import brentq

        if abs(figure) >= self._half_width(LEAST_P):
            return LEAST_P if figure else 1.0
        exponent = brentq(lambda power: self._half_width(10**power) - abs(figure), math.log10(LEAST_P), 0, xtol=1e-9)
        return min(1.0, float(10**exponent))

    def _half_width(self, missed: float) -> float:
        """Return half the width of the interval that misses the true figure with a chance of `missed`."""
        from scipy.special import stdtrit

        variance = self.of_seeds + self.of_roads
        if variance == 0:
            return 0.0
        parts = [(self.of_seeds, self.seeds - 1), (self.of_roads, self.stretches - 1)]
        quantile = sum(part / variance * -stdtrit(freedom, missed / 2) for part, freedom in parts if part)
        return float(quantile * math.sqrt(variance))


def uncertainty(scores: SeedScores) -> Uncertainty | None:
    """Return how far the mean of scores (or of differences) may be off; None for one seed, which tells nothing."""
    seeds, stretches = len(scores.mious), scores.stretches
    if seeds < 2:
        return None
    of_seeds = float(np.var(scores.mious, ddof=1)) / seeds
    if scores.redrawn is None:
        return Uncertainty(of_seeds, 0.0, seeds, 0)
    redrawn = scores.redrawn[np.isfinite(scores.redrawn).all(axis=1)]  # a road without any labels has no score
    if len(redrawn) < 2:
        return Uncertainty(of_seeds, 0.0, seeds, 0)
    mean = redrawn.mean(axis=1)
    together = float(np.var(mean, ddof=1))
    apart = float(np.var(redrawn - mean[:, None], axis=0, ddof=1).sum()) / (seeds * (seeds - 1))
    of_roads = max(0.0, together - apart) * stretches / (stretches - 1)
    return Uncertainty(of_seeds, of_roads, seeds, stretches)
