"""The mIoU of every seed, on the road that was driven and on roads drawn anew from its stretches."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

DRAWS = 2000
"""Roads drawn anew."""

SEED = 2022
"""Of the draws, which depend on the number of stretches besides: all seeds and methods meet the same roads."""

Counts = NDArray[np.int64]
MiouOfSums = Callable[[Counts, Counts, Counts], NDArray[np.float64]]
"""The mIoU [...] of sums of points [..., C]: correct, predicted, true; NaN where a rule finds no class to average."""


@dataclass(frozen=True, eq=False)
class SeedScores:
    """The mIoU of n seeds of one method.

    Attributes:
        mious: [n] on all scans, 0–1.
        redrawn: [draws, n] on roads of as many stretches, drawn with replacement; None where roads can't be drawn,
            since there is only one stretch or none is known.
        stretches: number of them; 0 when they are not known.
    """

    mious: NDArray[np.float64]
    redrawn: NDArray[np.float64] | None = None
    stretches: int = 0

    def of(self, places: Sequence[int]) -> SeedScores:
        """Return the scores of some of the seeds, by their places in `mious`."""
        chosen = list(places)
        redrawn = None if self.redrawn is None else self.redrawn[:, chosen]
        return SeedScores(self.mious[chosen], redrawn, self.stretches)

    def alone(self) -> SeedScores:
        """Return the scores without their roads."""
        return SeedScores(self.mious)

    def __sub__(self, other: SeedScores) -> SeedScores:
        """Return the difference seed by seed and road by road: both methods are drawn together.

        Raises:
            ValueError: not the same seeds, or not the same stretches.
        """
        if self.mious.shape != other.mious.shape or self.stretches != other.stretches:
            raise ValueError("only scores of the same seeds on the same stretches are paired")
        if self.redrawn is None or other.redrawn is None:
            return SeedScores(self.mious - other.mious, None, self.stretches)
        return SeedScores(self.mious - other.mious, self.redrawn - other.redrawn, self.stretches)


def score_seeds(counts: ArrayLike, miou: MiouOfSums, draws: int = DRAWS) -> SeedScores:
    """Score every seed on the whole road and on roads drawn anew; a road's mIoU is that of its summed counts.

    Args:
        counts: [seeds, stretches, 3, C] points of each class: correct, predicted, true. The stretches are the same
            for all seeds.
        miou: the rule.
        draws: number of roads.
    """
    counts = np.asarray(counts, dtype=np.int64)
    seeds, stretches, _, classes = counts.shape
    mious = np.asarray(_score(counts.sum(axis=1), miou))
    if stretches < 2:
        return SeedScores(mious, None, stretches)
    # float64 multiplies through BLAS, and is exact: all sums are far below 2^53.
    flat = counts.transpose(1, 0, 2, 3).reshape(stretches, -1).astype(np.float64)
    sums = (draw_roads(stretches, draws) @ flat).astype(np.int64)
    return SeedScores(mious, _score(sums.reshape(draws, seeds, 3, classes), miou), stretches)


def draw_roads(stretches: int, draws: int = DRAWS) -> NDArray[np.float64]:
    """Return how often each stretch is on each road: [draws, stretches], whole numbers, rows that sum to `stretches`.

    The same for the same arguments, always.
    """
    picked = np.random.default_rng((SEED, stretches)).integers(stretches, size=(draws, stretches))
    places = picked + stretches * np.arange(draws)[:, None]
    return np.bincount(places.ravel(), minlength=draws * stretches).reshape(draws, stretches).astype(np.float64)


def _score(sums: Counts, miou: MiouOfSums) -> NDArray[np.float64]:
    return miou(sums[..., 0, :], sums[..., 1, :], sums[..., 2, :])
