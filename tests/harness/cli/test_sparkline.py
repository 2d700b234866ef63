from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.cli.sparkline import BARS, MISSING, curve_lines, shares, sparkline

FINITE = st.floats(allow_nan=False, allow_infinity=False)
FLOAT32 = st.floats(allow_nan=False, allow_infinity=False, width=32)
SERIES = st.dictionaries(
    st.text("abc_.4", min_size=1, max_size=40), st.lists(FLOAT32, min_size=1, max_size=70), min_size=1, max_size=4
)


def test_bars_go_from_the_lowest_to_the_highest() -> None:
    assert sparkline([float(value) for value in range(8)]) == BARS
    assert sparkline([3e-5, 1e-5, 2e-5]) == "█▁▅"
    assert sparkline([4.0, 4.0]) == "▁▁"
    assert sparkline([-1.7e308, 0.0, 1.7e308]) == "▁▅█", "a difference that is no finite number"


def test_what_is_not_finite_has_no_bar() -> None:
    assert sparkline([1.0, math.nan, 2.0, math.inf, -math.inf]) == f"▁{MISSING}█{MISSING}{MISSING}"
    assert sparkline([math.nan]) == MISSING
    assert curve_lines({"a": [math.nan, 1.0]}, 100)[1].split() == ["a", f"{MISSING}▁", "nan", "1.00", "nan", "nan"]


def test_shares_are_means_of_equal_parts() -> None:
    assert shares([1.0, 2.0, 3.0, 4.0], 2) == [1.5, 3.5]
    assert shares([1.0, 2.0, 3.0], 60) == [1.0, 2.0, 3.0]
    assert shares([1.0, 2.0, 6.0, 3.0, 5.0], 1) == [pytest.approx(3.4)]
    assert shares([1.7e308] * 100, 3) == [pytest.approx(1.7e308)] * 3


LONG = {
    "cross_entropy": [3.0, 2.0, 1.0, 0.5] * 50,
    "attention_transfer.attention.of_a_stage.up4": [1e-3, 1e-5] * 100,
    "hint": [900.0],
}


def test_the_columns_stand_under_each_other_for_long_names_and_few_steps() -> None:
    head, *lines = curve_lines(LONG, 120)
    assert {len(line) for line in (head, *lines)} == {len(head)}
    assert len(head) <= 120
    ends = [head.index(title) + len(title) for title in ("first", "last", "lowest", "highest")]
    for name, line in zip(LONG, lines, strict=True):
        assert line.startswith(name)
        assert all(line[end - 1] != " " and line[end : end + 1] in ("", " ") for end in ends)
    assert lines[2].split() == ["hint", "▁", "900", "900", "900", "900"]


def test_a_narrow_terminal_has_three_lines_for_a_term() -> None:
    head, *lines = curve_lines(LONG, 50)
    assert head == "first → last bar (lowest to highest)"
    assert lines[0::3] == list(LONG)
    assert all(set(line.strip()) <= set(BARS) and len(line) <= 50 for line in lines[1::3])
    assert lines[8] == "  900 → 900 (900 to 900)"


@given(SERIES, st.integers(1, 200))
@settings(max_examples=80, deadline=None)
def test_any_series_fits_any_terminal(series: dict[str, list[float]], columns: int) -> None:
    lines = curve_lines(series, columns)
    stacked = lines[0].startswith("first →")
    assert len(lines) == 1 + len(series) * (3 if stacked else 1)
    bars = lines[2::3] if stacked else [line.partition("  ")[2] for line in lines[1:]]
    assert all(any(bar in line for bar in BARS) for line in bars)
    assert stacked or max(map(len, lines)) <= columns


@given(st.lists(FINITE, min_size=2, max_size=60))
@settings(max_examples=60, deadline=None)
def test_a_higher_number_never_has_a_lower_bar(values: list[float]) -> None:
    line = sparkline(sorted(values))
    assert list(line) == sorted(line, key=BARS.index)
    if max(values) / 2 > min(values) / 2:
        assert (line[0], line[-1]) == (BARS[0], BARS[-1])
