"""A few of many, spread evenly."""

from __future__ import annotations

from collections.abc import Sequence


def evenly_spaced(items: Sequence[str], count: int) -> list[str]:
    """Return `count` items spread evenly from the first to the last, or all when there are no more."""
    if count >= len(items):
        return list(items)
    if count == 1:
        return [items[len(items) // 2]]
    return [items[round(i * (len(items) - 1) / (count - 1))] for i in range(count)]
