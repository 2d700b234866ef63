"""The 95 % interval covers about 95 %: the truth is known in `roads.World`."""

from itertools import product

import numpy as np
import pytest
from roads import World, miou

from harness.statistics.interval import Interval, mean_interval
from harness.statistics.scores import SeedScores, score_seeds

SEEDS, STRETCHES = (3, 5, 10), (1, 10, 40, 150)


def percentile_bootstrap(scores: SeedScores) -> Interval:
    """What first comes to mind: seeds and roads drawn anew together, and 2.5 % cut off at each end. Too narrow."""
    seeds = len(scores.mious)
    draws = scores.mious if scores.redrawn is None else scores.redrawn
    drawn = np.random.default_rng(0).multinomial(seeds, np.full(seeds, 1 / seeds), 200) / seeds
    low, high = np.quantile((drawn * draws).sum(axis=1), [0.025, 0.975])
    return Interval(low, high, seeds, scores.stretches)


def seeds_alone(scores: SeedScores) -> Interval:
    """Student's interval over the seeds, which all drove the same road. It can't know that another road is harder."""
    interval = mean_interval(SeedScores(scores.mious))
    assert interval is not None
    return interval


def coverage(world: World, seeds: int, stretches: int, times: int, interval=mean_interval) -> float:
    """Share of worlds in which the interval holds the truth."""
    rng = np.random.default_rng((seeds, stretches))
    covered = 0
    for _ in range(times):
        road = world.draw_road(rng, stretches)
        found = interval(score_seeds(world.drive(rng, road, seeds), miou, draws=200))
        assert found is not None
        covered += found.low <= world.truth(road) <= found.high
    return covered / times


def test_the_interval_covers_about_95_in_100() -> None:
    shares = {(n, r): coverage(World(), n, r, times=60) for n, r in product(SEEDS, STRETCHES)}
    assert 0.93 <= np.mean(list(shares.values())) <= 0.98, shares  # 720 worlds: ± 0.8 %
    assert min(shares.values()) >= 0.87, shares


@pytest.mark.slow
@pytest.mark.parametrize("seeds", SEEDS)
@pytest.mark.parametrize(
    "world", [World(), World(presence=0.3), World(road=0), World(seed=0.001, seed_by_class=0.003, rest=0.1)], ids=str
)
def test_the_interval_covers_about_95_in_100_worlds_of_every_kind(world: World, seeds: int) -> None:
    shares = {stretches: coverage(world, seeds, stretches, times=1000) for stretches in STRETCHES}
    assert all(0.92 <= share <= 0.985 for share in shares.values()), shares  # ± 0.7 %


def test_a_percentile_bootstrap_of_three_seeds_covers_too_little() -> None:
    naive = coverage(World(), 3, 1, times=300, interval=percentile_bootstrap)
    assert naive < 0.82, "70 in 100, measured"
    assert coverage(World(), 3, 1, times=300) > 0.92


def test_seeds_alone_know_nothing_of_other_roads() -> None:
    assert coverage(World(), 10, 10, times=200, interval=seeds_alone) < 0.6, "44 in 100, measured"
    assert coverage(World(), 10, 10, times=200) > 0.91


def test_an_interval_is_the_same_every_time_and_says_what_it_rests_on() -> None:
    rng = np.random.default_rng(3)
    counts = World().drive(rng, World().draw_road(rng, 10), seeds=3)
    one, again = (mean_interval(score_seeds(counts, miou)) for _ in range(2))
    assert one == again
    assert one is not None
    assert (one.seeds, one.stretches) == (3, 10)
    alone = mean_interval(score_seeds(counts.sum(axis=1, keepdims=True), miou))
    assert alone is not None
    assert (alone.seeds, alone.stretches) == (3, 0), "a single stretch is no sample of roads"


def test_one_seed_has_no_interval() -> None:
    assert mean_interval(SeedScores(np.array([0.5]))) is None
