"""Recover the width of a network from its channels."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import ceil

from backbones.convert.errors import ConversionError

_DIGITS = 9


def infer_width(channels: Sequence[int], base: Sequence[int]) -> float:
    """Return the shortest decimal w with int(w · base) = channels for every stage.

    Args:
        channels: of the stages, as found.
        base: of the same stages at width 1.

    Raises:
        ConversionError: no width gives these channels.
    """
    low = max(Fraction(found, full) for found, full in zip(channels, base, strict=True))
    for digits in range(_DIGITS + 1):
        width: float = ceil(low * 10**digits) / 10**digits
        if min(channels) > 0 and all(int(width * full) == found for found, full in zip(channels, base, strict=True)):
            return width
    raise ConversionError(
        f"stages of {', '.join(map(str, channels))} channels",
        f"one factor on {', '.join(map(str, base))}",
        "A network whose stages are scaled one by one is given with --net spvnas and its --net-config.",
    )
