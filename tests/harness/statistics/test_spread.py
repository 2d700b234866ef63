import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.statistics.spread import spread


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
