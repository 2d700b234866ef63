"""What seeds do to a figure, as the seeds of a reference tell it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

NO_SPREAD = 1e-9
"""A deviation below this is rounding."""

Reference = tuple[str, Sequence[tuple[int, float]]]
"""Pair of data set and backbone, and (seed, figure) of one row on it."""


@dataclass(frozen=True)
class PairNoise:
    """Seed noise of a pair of data set and backbone, all its rows pooled.

    Attributes:
        variance: of a figure over seeds.
        degrees: of freedom, of all rows together; fewer where rows of one seed move together.
    """

    variance: float
    degrees: float


@dataclass(frozen=True)
class SeedNoise:
    """Seed noise of a reference.

    Attributes:
        pairs: where the seeds say something: two of one row at least, and not all with one figure.
        alike: correlation of the rows of a pair that have a seed in common, and with it a teacher and the order of
            scans; pooled over all pairs, 0–1.
        degrees: of freedom of `alike`.
    """

    pairs: dict[str, PairNoise]
    alike: float
    degrees: int

    def of_mean(self, rows: Sequence[tuple[str, int, int]]) -> tuple[float, float]:
        """Return standard error and degrees of freedom (Welch and Satterthwaite's) of a mean of rows, now − reference.

        Args:
            rows: pair, seeds in the reference and seeds now, of each row.
        """
        weights: dict[str, float] = defaultdict(float)
        for pair, there, here in rows:
            weights[pair] += 1 / there + 1 / here
        members = Counter(pair for pair, _, _ in rows)
        parts = np.array(
            [self.pairs[pair].variance * weights[pair] * (1 + (members[pair] - 1) * self.alike) for pair in members]
        )
        degrees = parts.sum() ** 2 / (parts**2 / [self.pairs[pair].degrees for pair in members]).sum()
        if max(members.values()) > 1:
            degrees = 1 / (1 / degrees + 1 / self.degrees)
        return float(np.sqrt(parts.sum()) / len(rows)), float(degrees)


def seed_noise(references: Iterable[Reference]) -> SeedNoise:
    """Return the noise that the seeds of a reference show.

    Rows of a pair are pooled, since five seeds of a row alone would tell its variance within a factor of three. Their
    correlation is that of the residuals, (Σᵢ eᵢ)² − Σᵢ eᵢ² over (m − 1)·Σᵢ eᵢ² for the m rows of a seed.
    """
    residuals: dict[str, list[list[tuple[int, float]]]] = defaultdict(list)
    for pair, figures in references:
        mean = float(np.mean([figure for _, figure in figures]))
        residuals[pair].append([(seed, figure - mean) for seed, figure in figures])
    degrees = {pair: sum(len(row) - 1 for row in rows) for pair, rows in residuals.items()}
    variances = {
        pair: sum(error**2 for row in rows for _, error in row) / degrees[pair]
        for pair, rows in residuals.items()
        if degrees[pair]
    }
    variances = {pair: variance for pair, variance in variances.items() if variance > NO_SPREAD**2}
    alike, freedom = _correlation({pair: residuals[pair] for pair in variances}, variances)
    return SeedNoise(
        {
            pair: PairNoise(variance, degrees[pair] / (1 + (len(residuals[pair]) - 1) * alike**2))
            for pair, variance in variances.items()
        },
        alike,
        freedom,
    )


def _correlation(residuals: dict[str, list[list[tuple[int, float]]]], variances: dict[str, float]) -> tuple[float, int]:
    """Return the correlation of rows that have a seed in common, and its degrees of freedom."""
    together, apart, freedom = 0.0, 0.0, 0
    for pair, rows in residuals.items():
        by_seed: dict[int, list[float]] = defaultdict(list)
        for seed, error in (item for row in rows for item in row):
            by_seed[seed].append(error)
        for errors in by_seed.values():
            squares = sum(error**2 for error in errors)
            together += (sum(errors) ** 2 - squares) / variances[pair]
            apart += (len(errors) - 1) * squares / variances[pair]
        freedom += max(1, len(by_seed) - 1)
    return (min(1.0, max(0.0, together / apart)) if apart else 0.0), freedom
