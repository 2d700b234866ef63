import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from roads import World, miou
from scipy import stats

from harness.statistics.scores import SeedScores, draw_roads, score_seeds
from harness.statistics.uncertainty import LEAST_P, Uncertainty, uncertainty


@given(st.lists(st.floats(0, 1), min_size=2, max_size=6, unique=True), st.floats(-1, 1))
def test_over_seeds_alone_it_is_the_t_test(mious: list[float], truth: float) -> None:
    values = np.array(mious)
    about = uncertainty(SeedScores(values))
    assert about is not None
    expected = stats.ttest_1samp(values, truth)
    if expected.pvalue > 1e-9 and values.std() > 1e-6:
        assert about.p_value(values.mean() - truth) == pytest.approx(expected.pvalue, rel=1e-5)
        low, high = expected.confidence_interval(0.9)
        assert about.half_width(0.9) == pytest.approx((high - low) / 2, rel=1e-9)


def test_one_seed_tells_nothing() -> None:
    assert uncertainty(SeedScores(np.array([0.5]), np.full((9, 1), 0.5), 4)) is None


def test_parts_are_those_of_the_crossed_model() -> None:
    """On equally long stretches the bootstrap has a closed form: the two-way analysis of variance."""
    rng = np.random.default_rng(1)
    seeds, stretches = 4, 12
    y = 0.5 + rng.normal(0, 0.02, (seeds, 1)) + rng.normal(0, 0.1, stretches) + rng.normal(0, 0.05, (seeds, stretches))
    roads = draw_roads(stretches, 100_000)
    about = uncertainty(SeedScores(y.mean(axis=1), roads @ y.T / stretches, stretches))
    assert about is not None
    by_stretch = y.mean(axis=0)
    rest = y - by_stretch - y.mean(axis=1, keepdims=True) + y.mean()
    rest_variance = sum(value**2 for value in rest.ravel()) / ((seeds - 1) * (stretches - 1))
    expected = by_stretch.var(ddof=1) / stretches - rest_variance / (seeds * stretches)
    assert about.of_seeds == pytest.approx(y.mean(axis=1).var(ddof=1) / seeds)
    assert about.of_roads == pytest.approx(expected, rel=0.02)


def test_a_wide_part_rules_the_quantile() -> None:
    def quantile(of_seeds: float, of_roads: float) -> float:
        return Uncertainty(of_seeds, of_roads, 3, 40).half_width() / math.sqrt(of_seeds + of_roads)

    assert quantile(1, 0) == pytest.approx(stats.t.ppf(0.975, 2))
    assert quantile(0, 1) == pytest.approx(stats.t.ppf(0.975, 39))
    assert quantile(1, 3) == pytest.approx((stats.t.ppf(0.975, 2) + 3 * stats.t.ppf(0.975, 39)) / 4)


@given(st.floats(1e-6, 1), st.floats(0, 1), st.integers(2, 10), st.integers(2, 150), st.floats(0.001, 0.999))
def test_a_p_value_is_the_level_whose_interval_reaches_0(
    of_seeds: float, of_roads: float, seeds: int, stretches: int, missed: float
) -> None:
    about = Uncertainty(of_seeds, of_roads, seeds, stretches)
    assert about.p_value(about.half_width(1 - missed)) == pytest.approx(missed, rel=1e-4)
    assert about.p_value(-about.half_width(1 - missed)) == pytest.approx(missed, rel=1e-4)


def test_extremes_have_a_p_value() -> None:
    about = Uncertainty(1e-4, 1e-4, 3, 40)
    assert about.p_value(0) == pytest.approx(1)
    assert about.p_value(1e9) == LEAST_P
    alike = Uncertainty(0.0, 0.0, 3, 40)
    assert (alike.p_value(0.0), alike.p_value(0.1), alike.half_width()) == (1.0, LEAST_P, 0.0)


def test_a_road_without_labels_is_left_out() -> None:
    redrawn = np.array([[0.5, 0.6], [np.nan, np.nan], [0.4, 0.7], [0.6, 0.6]])
    kept = SeedScores(np.array([0.5, 0.6]), redrawn[[0, 2, 3]], 3)
    assert uncertainty(SeedScores(kept.mious, redrawn, 3)) == uncertainty(kept)
    nowhere = uncertainty(SeedScores(kept.mious, np.full((4, 2), np.nan), 3))
    assert nowhere == uncertainty(SeedScores(kept.mious))


def test_more_seeds_and_more_road_say_more() -> None:
    rng = np.random.default_rng(5)
    world = World()

    def width(seeds: int, stretches: int) -> float:
        halves = []
        for _ in range(20):
            about = uncertainty(score_seeds(world.drive(rng, world.draw_road(rng, stretches), seeds), miou, 200))
            assert about is not None
            halves.append(about.half_width())
        return float(np.mean(halves))

    assert width(3, 40) > 1.5 * width(10, 40)
    assert width(10, 10) > 1.5 * width(10, 80)
