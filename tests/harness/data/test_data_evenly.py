from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from harness.data.evenly import evenly_spaced


def test_first_and_last_are_among_the_chosen() -> None:
    items = list("abcdefghij")
    assert evenly_spaced(items, 4) == ["a", "d", "g", "j"]
    assert evenly_spaced(items, 1) == ["f"]
    assert evenly_spaced(items, 20) == items


@given(total=st.integers(1, 300), count=st.integers(1, 300))
def test_the_chosen_are_different_in_order_and_evenly_apart(total: int, count: int) -> None:
    chosen = [int(item) for item in evenly_spaced([str(i) for i in range(total)], count)]
    assert len(chosen) == min(total, count)
    gaps = {later - earlier for earlier, later in pairwise(chosen)}
    assert not gaps or (min(gaps) >= 1 and max(gaps) - min(gaps) <= 1)
