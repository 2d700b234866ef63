"""How often the gate is right: `python ci/gate_rates.py [--nights 1000] [--seed 0]`.

Draws nights of which it is known whether anything was lost, holds the gate's own tests against them, and prints how
often these said so. The matrix is that of `nightly`: six pairs of data set and backbone with four rows each, a
reference of five seeds. The seeds' deviation is 0.5, 1.0 or 1.5 points of mIoU, or of each row its own in that range;
of its square a share is common to the rows of a pair, as the luck of a shared teacher is. Latency: three processes of
ten passes over 40 scans, each process and each pass off by 1 %.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from itertools import product

import numpy as np
from numpy.typing import NDArray

from harness.gate.means import ALPHA, Sample, compare_means
from harness.gate.noise import seed_noise
from harness.gate.slower import MARGIN, P, compare_passes

PAIRS, METHODS = 6, 4
REFERENCE_SEEDS = 5
LOSS = 0.02
"""Two points of mIoU."""

PLACES: dict[str, Callable[[int, int], bool]] = {
    "nothing": lambda pair, method: False,
    "everywhere": lambda pair, method: True,
    "one method": lambda pair, method: method == 0,
    "one pair": lambda pair, method: pair == 0,
    "one row": lambda pair, method: pair == method == 0,
}
"""Where a loss may be, the first of them nowhere."""

DEVIATIONS, SHARED, SEEDS = (0.5, 1.0, 1.5, None), (0.0, 0.25), (1, 3)
SLOWER = (0.0, 0.03, 0.05, 0.06, 0.08, 0.10)
JITTER = 0.01
"""Of a whole process, and of a pass."""

Rows = NDArray[np.float64]
"""MIoU, [pairs, methods, seeds]."""


def draw_night(rng: np.random.Generator, deviations: NDArray[np.float64], shared: float, seeds: int) -> Rows:
    """Draw the mIoU of every row.

    Args:
        rng: random numbers.
        deviations: over seeds, 0–1, [pairs, methods].
        shared: share of the variance that all rows of a pair have in common.
        seeds: of each row.
    """
    common = rng.standard_normal((PAIRS, 1, seeds)) * np.sqrt(shared)
    own = rng.standard_normal((PAIRS, METHODS, seeds)) * np.sqrt(1 - shared)
    return np.asarray(0.6 + deviations[..., None] * (common + own))


def draw_deviations(rng: np.random.Generator, points: float | None) -> NDArray[np.float64]:
    """Return the deviations over seeds, 0–1: alike, or where None is asked for each row's own."""
    shape = (PAIRS, METHODS)
    return np.asarray((rng.uniform(0.5, 1.5, shape) if points is None else np.full(shape, points)) / 100)


def drops(reference: Rows, now: Rows) -> bool:
    """Ask the gate's test of means whether anything dropped."""
    samples = [
        Sample(f"{pair}-{method}", f"{pair}", f"{method}", list(enumerate(reference[pair, method])), now[pair, method])
        for pair, method in product(range(PAIRS), range(METHODS))
    ]
    noise = seed_noise((sample.pair, sample.reference) for sample in samples)
    return any(shift.p_drop < ALPHA for shift in compare_means(samples, noise))


def rate_of_drops(
    rng: np.random.Generator, nights: int, points: float | None, shared: float, seeds: int, place: str
) -> float:
    """Return the share of nights on which the gate sees a drop."""
    lost = LOSS * np.array([[PLACES[place](pair, method) for method in range(METHODS)] for pair in range(PAIRS)])
    seen = 0
    for _ in range(nights):
        deviations = draw_deviations(rng, points)
        reference = draw_night(rng, deviations, shared, REFERENCE_SEEDS)
        seen += drops(reference, draw_night(rng, deviations, shared, seeds) - lost[..., None])
    return seen / nights


def draw_passes(rng: np.random.Generator, scans_ms: NDArray[np.float64], slower: float) -> NDArray[np.float64]:
    """Draw what the latency test counts as one draw each: the medians of 3 · 10 passes over the scans, ms."""
    processes, passes = (1 + JITTER * rng.standard_normal(shape) for shape in ((3, 1, 1), (3, 10, 1)))
    delays = 1 + 0.02 * np.abs(rng.standard_normal((3, 10, len(scans_ms))))
    return np.asarray(np.median(scans_ms * processes * passes * delays * (1 + slower), axis=2).ravel())


def rate_of_slower(rng: np.random.Generator, nights: int, slower: float) -> float:
    """Return the share of nights on which a network is found slower, and again when it is measured once more."""
    scans_ms, seen = np.exp(rng.normal(3, 0.3, 40)), 0
    for _ in range(nights):
        reference = draw_passes(rng, scans_ms, 0)
        seen += all(compare_passes(reference, draw_passes(rng, scans_ms, slower)).slower for _ in range(2))
    return seen / nights


def accuracy_table(rng: np.random.Generator, nights: int) -> Iterator[str]:
    """Yield the lines of a table: share of nights with a drop in the verdict, by what was lost."""
    yield "| deviation of a seed, points | shared | seeds a night | " + " | ".join(PLACES) + " |"
    yield "| --- " * (3 + len(PLACES)) + "|"
    for points, shared, seeds in product(DEVIATIONS, SHARED, SEEDS):
        rates = [f"{rate_of_drops(rng, nights, points, shared, seeds, place):.1%}" for place in PLACES]
        yield " | ".join([f"| {points or '0.5 to 1.5'}", f"{shared:.0%}", f"{seeds}", *rates]) + " |"


def latency_table(rng: np.random.Generator, nights: int) -> Iterator[str]:
    """Yield the lines of a table: share of nights on which a network is found slower, by how much it is."""
    yield "| slower by | " + " | ".join(f"{slower:.0%}" for slower in SLOWER) + " |"
    yield "| --- " * (1 + len(SLOWER)) + "|"
    yield "| found | " + " | ".join(f"{rate_of_slower(rng, nights, slower):.1%}" for slower in SLOWER) + " |"


def main(arguments: Sequence[str]) -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nights", type=int, default=1000, help="drawn for each rate")
    parser.add_argument("--seed", type=int, default=0, help="of the draws")
    chosen = parser.parse_args(arguments)
    rng = np.random.default_rng(chosen.seed)
    title = f"A drop is seen in so many of {chosen.nights} nights when {100 * LOSS:g} points of mIoU are lost:"
    for line in [title, "", *accuracy_table(rng, chosen.nights)]:
        sys.stdout.write(line + "\n")
    title = f"Latency, p < {P:g} and more than {MARGIN - 1:.0%} slower, twice:"
    for line in ["", title, "", *latency_table(rng, chosen.nights)]:
        sys.stdout.write(line + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
