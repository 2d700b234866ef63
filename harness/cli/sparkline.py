"""Series of numbers as text: a line of bars each, with figures beside it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise

from harness.metrics import mean
from harness.report.numbers import short

BARS = "▁▂▃▄▅▆▇█"
MISSING = "×"
"""In place of a bar for a number that is not finite."""
MOST_BARS, FEWEST_BARS = 60, 16
FIGURE = 9
"""Characters of the longest float32: -1.23e-05."""


def curve_lines(series: Mapping[str, Sequence[float]], columns: int) -> list[str]:
    """Draw each series with its name and the mean of its first, last, lowest and highest bar.

    Args:
        series: values by name, at least one each.
        columns: width of the terminal. Where a row leaves no room for bars, a series takes three lines.

    Returns:
        Aligned lines, a header first.
    """
    name_width, heads = max(map(len, series)), ("first", "last", "lowest", "highest")
    room = columns - name_width - len(heads) * (FIGURE + 2) - 2
    if room < FEWEST_BARS:
        return _stacked(series, columns)
    bars = min(MOST_BARS, room, max(map(len, series.values())))
    lines = [" " * (name_width + 2 + bars) + "".join(f"  {head:>{FIGURE}}" for head in heads)]
    for name, values in series.items():
        means = shares(values, bars)
        figures = "".join(f"  {text:>{FIGURE}}" for text in _figures(means))
        lines.append(f"{name:{name_width}}  {sparkline(means):{bars}}{figures}")
    return lines


def shares(values: Sequence[float], count: int) -> list[float]:
    """Return the means of `count` equal shares of a series, in order; the values themselves where there are fewer."""
    count = min(count, len(values))
    edges = [round(i * len(values) / count) for i in range(count + 1)]
    return [mean(values[a:b]) for a, b in pairwise(edges)]


def sparkline(values: Sequence[float]) -> str:
    """Draw a series as one bar for each value, from the lowest to the highest."""
    halves = [value / 2 for value in values]  # the difference of two halves is a finite number whatever they are
    finite = [half for half in halves if math.isfinite(half)]
    low, high = min(finite, default=0.0), max(finite, default=0.0)
    spread = (high - low) or 1.0
    top = len(BARS) - 1
    return "".join(BARS[round((half - low) / spread * top)] if math.isfinite(half) else MISSING for half in halves)


def _figures(means: Sequence[float]) -> tuple[str, ...]:
    return tuple(short(value) for value in (means[0], means[-1], min(means), max(means)))


def _stacked(series: Mapping[str, Sequence[float]], columns: int) -> list[str]:
    lines = ["first → last bar (lowest to highest)"]
    for name, values in series.items():
        means = shares(values, max(1, min(MOST_BARS, columns - 2)))
        first, last, low, high = _figures(means)
        lines += [name, f"  {sparkline(means)}", f"  {first} → {last} ({low} to {high})"]
    return lines
