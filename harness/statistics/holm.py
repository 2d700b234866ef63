"""Several comparisons at once: Holm's correction."""

from __future__ import annotations

from collections.abc import Sequence


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values adjusted so that, below .05, none of them is a false alarm with a chance of 95 %.

    The k-th smallest of m is multiplied by m − k + 1, and none is left below a smaller one's (Holm 1979, "A simple
    sequentially rejective multiple test procedure"). It holds whatever the comparisons have in common, such as the
    reference they share.

    Args:
        p_values: of the comparisons that are read together.

    Returns:
        The adjusted ones in the same order, each at most 1.

    Example:
        >>> [round(p, 3) for p in holm([0.01, 0.04, 0.03])]
        [0.03, 0.06, 0.06]
    """
    adjusted, least = [0.0] * len(p_values), 0.0
    for done, place in enumerate(sorted(range(len(p_values)), key=lambda index: p_values[index])):
        least = max(least, min(1.0, (len(p_values) - done) * p_values[place]))
        adjusted[place] = least
    return adjusted
