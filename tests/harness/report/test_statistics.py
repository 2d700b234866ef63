import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.report.statistics import paired_difference, spread

figures = st.dictionaries(st.integers(0, 9), st.floats(0, 1), max_size=8)


@given(st.lists(st.floats(0, 1), min_size=2, max_size=9))
def test_mean_and_sd_equal_the_textbook_sums(values: list[float]) -> None:
    figure = spread(values)
    mean = sum(values) / len(values)
    variance = sum((value - mean) ** 2 for value in values) / (len(values) - 1)
    assert figure is not None
    assert figure.sd is not None
    assert figure.mean == pytest.approx(mean)
    assert figure.sd == pytest.approx(math.sqrt(variance), abs=1e-9)
    assert figure.n == len(values)


def test_one_seed_has_no_sd_and_none_has_no_mean() -> None:
    figure = spread([0.5])
    assert figure is not None
    assert (figure.mean, figure.sd, figure.n) == (0.5, None, 1)
    assert spread([]) is None


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_mean_never_hides_what_is_not_finite(value: float) -> None:
    with pytest.raises(ValueError, match="not finite"):
        spread([0.5, value])


@given(figures, figures)
def test_differences_pair_the_shared_seeds(values: dict[int, float], reference: dict[int, float]) -> None:
    expected = []
    for seed in range(10):
        if seed in values and seed in reference:
            expected.append(values[seed] - reference[seed])
    assert paired_difference(values, reference) == spread(expected)


def test_pairing_removes_what_the_seeds_share() -> None:
    gain = paired_difference({0: 0.60, 1: 0.70}, {0: 0.59, 1: 0.69})
    assert gain is not None
    assert gain.mean == pytest.approx(0.01)
    assert gain.sd == pytest.approx(0, abs=1e-12)
