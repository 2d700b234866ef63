from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.report.numbers import short


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"), (-0.0, "0"), (1.0, "1.00"), (-1.25, "-1.25"), (1.23456e-05, "1.23e-05"), (0.001, "0.00100"),
        (0.0123456, "0.0123"), (9.999, "10.00"), (98.7654, "98.8"), (999.6, "1000"), (12345.6, "12346"),
        (1234567.0, "1.23e+06"), (3.4e38, "3.40e+38"), (math.nan, "nan"), (-math.inf, "-inf"),
    ],
)  # fmt: skip
def test_three_digits_are_shown(value: float, text: str) -> None:
    assert short(value) == text


@given(st.floats(-1e308, 1e308))
def test_what_is_shown_is_the_number_to_three_digits_in_ten_characters(value: float) -> None:
    assert float(short(value)) == pytest.approx(value, rel=0.0051, abs=0.0)
    assert len(short(value)) <= 10
