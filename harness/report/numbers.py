"""Numbers for people: short, whatever their size."""

from __future__ import annotations

import math


def short(value: float) -> str:
    """Return a number with three significant digits, as a power of ten only where it is very small or large.

    >>> [short(value) for value in (0.0, 1.23456e-05, 0.0123456, 98.7654, 12345.6, 1234567.0)]
    ['0', '1.23e-05', '0.0123', '98.8', '12346', '1.23e+06']
    """
    if value == 0:
        return "0"
    if 1e-3 <= abs(value) < 1e5:
        return f"{value:.{max(0, 2 - math.floor(math.log10(abs(value))))}f}"
    return f"{value:.2e}"
