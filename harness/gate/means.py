"""Is a new mean below that of the reference by more than seeds explain? Student's t at four levels, corrected by Holm.

Seed noise in this field is as large as the losses a gate should see, and a night has one seed of each row. A row alone
tells little then, many together tell much: what breaks, breaks a method, a backbone or everything, so rows are also
tested together. Everything here is of plain numbers.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from harness.gate.noise import SeedNoise
from harness.statistics.holm import holm

Level = Literal["row", "method", "pair", "all"]
LEVELS: tuple[Level, ...] = ("row", "method", "pair", "all")
ALPHA = 0.01
"""Chance that any test of any level calls seed noise a drop, shared alike by the levels."""


@dataclass(frozen=True)
class Sample:
    """A figure of one row.

    Attributes:
        row: its name.
        pair: data set and backbone. Rows of a pair have the same spread, and share what a seed brings.
        method: its method.
        reference: (seed, figure) of the reference.
        now: the figures of the run.
    """

    row: str
    pair: str
    method: str
    reference: Sequence[tuple[int, float]]
    now: Sequence[float]

    @property
    def means(self) -> tuple[float, float]:
        """Means of the reference and of the run."""
        return float(np.mean([value for _, value in self.reference])), float(np.mean(self.now))


@dataclass(frozen=True)
class Shift:
    """How the mean of some rows has moved.

    Attributes:
        level: what the rows have in common.
        name: of the row, the method, the pair; "all".
        rows: how many.
        reference: mean of the rows' means in the reference.
        now: the same of the run.
        line: the drop from which on it is one.
        degrees: of freedom.
        p_drop: that seeds alone drop so far, corrected for all tests of all levels.
        p_rise: that they rise so far, likewise.
    """

    level: Level
    name: str
    rows: int
    reference: float
    now: float
    line: float
    degrees: float
    p_drop: float
    p_rise: float


def compare_means(samples: Sequence[Sample], noise: SeedNoise) -> list[Shift]:
    """Test all rows, alone and together.

    Args:
        samples: of pairs that `noise` knows.
        noise: of the reference's seeds.
    """
    tested: set[frozenset[str]] = set()
    shifts = []
    for level, key in _KEYS.items():
        together: dict[str, list[Sample]] = defaultdict(list)
        for sample in samples:
            together[key(sample)].append(sample)
        fresh = {name: rows for name, rows in together.items() if frozenset(row.row for row in rows) not in tested}
        tested |= {frozenset(row.row for row in rows) for rows in fresh.values()}
        shifts += _test_level(level, fresh, noise)
    return shifts


_KEYS: dict[Level, Callable[[Sample], str]] = {
    "row": lambda sample: sample.row,
    "method": lambda sample: sample.method,
    "pair": lambda sample: sample.pair,
    "all": lambda sample: "all",
}


def _test_level(level: Level, sets: dict[str, list[Sample]], noise: SeedNoise) -> list[Shift]:
    from scipy.stats import t

    if not sets:
        return []
    means = np.array([np.mean([row.means for row in rows], axis=0) for rows in sets.values()])
    parts = [noise.of_mean([(row.pair, len(row.reference), len(row.now)) for row in rows]) for rows in sets.values()]
    errors, degrees = np.array(parts).T
    change = means[:, 1] - means[:, 0]
    share = ALPHA / len(LEVELS)
    lines = t.isf(share / len(sets), degrees) * errors
    drops, rises = (_corrected(t.cdf(sign * change / errors, degrees)) for sign in (1, -1))
    return [
        Shift(level, name, len(rows), *map(float, (*means[i], lines[i], degrees[i], drops[i], rises[i])))
        for i, (name, rows) in enumerate(sets.items())
    ]


def _corrected(p_values: NDArray[np.float64]) -> list[float]:
    """Correct for the tests of a level, and for the levels."""
    return [min(1.0, len(LEVELS) * p) for p in holm(p_values.tolist())]
