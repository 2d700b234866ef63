"""The paired test keeps its level on equal methods and finds a gain: the truth is known in `roads.World`."""

from collections.abc import Callable
from itertools import product

import numpy as np
import pytest
from numpy.typing import NDArray
from roads import World, miou
from scipy import stats

from harness.statistics.paired import Comparison, compare, signed_rank
from harness.statistics.scores import SeedScores, score_seeds

SEEDS, STRETCHES = (3, 5, 10), (1, 10, 40, 150)
WITH_TASTE = World(taste=0.05)


def stretches_as_pairs(counts: NDArray, reference: NDArray) -> float:
    """The p-value of a Wilcoxon test that takes every seed's every stretch for a pair of its own. Far too small."""
    one, other = (miou(c[:, :, 0], c[:, :, 1], c[:, :, 2]) for c in (counts, reference))
    return float(stats.wilcoxon((one - other).ravel()).pvalue)


def rejected(
    world: World, seeds: int, stretches: int, times: int, read: Callable[[Comparison], float], gain: float = 0.0
) -> float:
    """Share of worlds in which a p-value of the comparison is below .05."""
    rng = np.random.default_rng((7, seeds, stretches))
    found = 0
    for _ in range(times):
        road = world.draw_road(rng, stretches)
        one, other = (score_seeds(world.drive(rng, road, seeds, g), miou, draws=200) for g in (gain, 0.0))
        comparison = compare(one, other)
        assert comparison is not None
        inside = comparison.interval.low <= 0 <= comparison.interval.high
        assert (comparison.p < 0.05) != inside, "the interval and the test say the same"
        found += read(comparison) < 0.05
    return found / times


def by_bootstrap(comparison: Comparison) -> float:
    return comparison.p


def by_ranks(comparison: Comparison) -> float:
    return comparison.wilcoxon_p


def test_equal_methods_are_seldom_told_apart() -> None:
    worlds = [(World(), n, r) for n, r in product(SEEDS, STRETCHES)]
    worlds += [(WITH_TASTE, n, r) for n, r in product(SEEDS, (10, 40))]
    shares = [rejected(world, n, r, 40, by_bootstrap) for world, n, r in worlds]
    assert 0.01 <= np.mean(shares) <= 0.065, shares  # 720 pairs: ± 0.8 %


@pytest.mark.slow
@pytest.mark.parametrize("seeds", SEEDS)
@pytest.mark.parametrize(
    "world", [World(), WITH_TASTE, World(presence=0.3), World(seed=0.001, seed_by_class=0.003, rest=0.1)], ids=str
)
def test_the_level_holds_in_worlds_of_every_kind(world: World, seeds: int) -> None:
    several = [stretches for stretches in STRETCHES if stretches > 1 or not world.taste]
    shares = {stretches: rejected(world, seeds, stretches, 1000, by_bootstrap) for stretches in several}
    assert all(share <= 0.07 for share in shares.values()), shares  # .05 and three times its ± 0.7 %


def test_stretches_are_no_independent_pairs() -> None:
    """Counter-example: a seed that does better does so everywhere, so that equal methods look different."""
    rng = np.random.default_rng(11)
    found = 0
    for _ in range(100):
        road = World().draw_road(rng, 40)
        found += stretches_as_pairs(*(World().drive(rng, road, 3) for _ in range(2))) < 0.05
    assert found > 40, "58 in 100, measured"
    assert rejected(World(), 3, 40, 100, by_bootstrap) <= 0.1


def test_a_gain_of_two_points_is_found_where_seeds_allow() -> None:
    shares = [rejected(World(), seeds, 40, 60, by_bootstrap, gain=0.02) for seeds in SEEDS]
    assert shares[0] > 0.15, shares  # 28 in 100, measured
    assert shares[1] > 0.4, shares  # 58
    assert shares[2] > 0.85, shares  # 94
    assert rejected(World(), 3, 40, 40, by_bootstrap, gain=0.06) > 0.85


def test_drawing_both_methods_together_takes_the_road_out_of_the_gain() -> None:
    rng = np.random.default_rng(2)
    road, other = (World().draw_road(rng, 10) for _ in range(2))
    one = score_seeds(World().drive(rng, road, 5), miou)
    together = compare(one, score_seeds(World().drive(rng, road, 5), miou))
    apart = compare(one, score_seeds(World().drive(rng, other, 5), miou))
    assert together is not None
    assert apart is not None
    widths = [c.interval.high - c.interval.low for c in (together, apart)]
    assert widths[1] > 2 * widths[0]


@pytest.mark.parametrize("seeds, least", [(2, 0.5), (3, 0.25), (5, 0.0625), (6, 0.03125), (10, 2 / 1024)])
def test_wilcoxon_is_scipys_over_the_seeds_and_says_how_small_it_can_get(seeds: int, least: float) -> None:
    gains = np.linspace(0.01, 0.02, seeds)
    comparison = compare(SeedScores(0.5 + gains), SeedScores(np.full(seeds, 0.5)))
    assert comparison is not None
    assert comparison.wilcoxon_p == pytest.approx(stats.wilcoxon(gains).pvalue)
    assert comparison.wilcoxon_p == comparison.wilcoxon_least_p == pytest.approx(least)


@pytest.mark.slow
def test_wilcoxon_keeps_its_level_over_seeds() -> None:
    shares = [rejected(World(), 10, stretches, 1000, by_ranks) for stretches in STRETCHES]
    assert max(shares) <= 0.07, shares


def test_nothing_that_differs_is_no_difference() -> None:
    assert signed_rank(np.zeros(4)) == 1.0
    alike = SeedScores(np.array([0.4, 0.5, 0.6]))
    comparison = compare(alike, alike)
    assert comparison is not None
    assert (comparison.p, comparison.wilcoxon_p) == (1.0, 1.0)


def test_one_seed_is_no_comparison() -> None:
    assert compare(SeedScores(np.array([0.6])), SeedScores(np.array([0.5]))) is None
