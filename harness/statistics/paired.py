"""Two methods on the same seeds and scans: how much better one is, and whether it can be told from chance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harness.statistics.interval import Interval, mean_interval
from harness.statistics.scores import SeedScores
from harness.statistics.uncertainty import uncertainty


@dataclass(frozen=True)
class Comparison:
    """A paired comparison over at least two seeds.

    Attributes:
        interval: 95 % confidence interval of the gain.
        p: two-sided p-value of a gain of 0, by the paired bootstrap over seeds and stretches.
        wilcoxon_p: two-sided p-value of Wilcoxon's signed-rank test over the seeds.
        wilcoxon_least_p: the smallest that so many seeds can reach.
    """

    interval: Interval
    p: float
    wilcoxon_p: float
    wilcoxon_least_p: float


def compare(scores: SeedScores, reference: SeedScores) -> Comparison | None:
    """Compare two methods, both drawn together on the same roads; None for one seed, which claims nothing.

    The gain of the mean, its interval and its p-value follow from the differences seed by seed and road by road, as
    the interval of a mean does from scores: `mean_interval` says what that assumes. The p-value is below .05 exactly
    where the interval leaves 0 out.

    Wilcoxon's test ranks the differences of whole mIoUs, one for each seed. Differences by stretch would be many more,
    but they are not independent: what a seed does better it does better everywhere, and a test that takes stretches for
    pairs calls equal methods different in 35, 60 and 80 of 100 cases at 10, 40 and 150 stretches. So it needs 6 seeds
    to reach p < .05, and it speaks of these scans alone: where methods have roads that they do better on, it holds its
    level over seeds and not over roads.

    Args:
        scores: of one method.
        reference: of the other, same seeds in the same order.

    Raises:
        ValueError: not the same seeds, or not the same stretches.
    """
    differences = scores - reference
    about, interval = uncertainty(differences), mean_interval(differences)
    if about is None or interval is None:
        return None
    return Comparison(
        interval=interval,
        p=about.p_value(float(differences.mious.mean())),
        wilcoxon_p=signed_rank(differences.mious),
        wilcoxon_least_p=2.0 ** (1 - about.seeds),
    )


def signed_rank(differences: NDArray[np.float64]) -> float:
    """Return the two-sided p-value of SciPy's Wilcoxon signed-rank test; 1 where nothing differs."""
    from scipy.stats import wilcoxon

    return float(wilcoxon(differences).pvalue) if differences.any() else 1.0
