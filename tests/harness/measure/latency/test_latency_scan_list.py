from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.measure.latency.scan_list import choose_by_decile

SIZES = st.lists(st.integers(0, 60), min_size=1, max_size=130)


def named(sizes: list[int]) -> dict[str, int]:
    return {f"00/{number:06d}": size for number, size in enumerate(sizes)}


@given(SIZES, st.integers(1, 140), st.integers(0, 3))
def test_as_many_as_are_wanted_or_all_there_are_each_once_in_order(sizes: list[int], count: int, seed: int) -> None:
    voxels = named(sizes)
    chosen = choose_by_decile(voxels, count, seed)
    assert len(chosen) == len(set(chosen)) == min(count, len(sizes))
    assert chosen == sorted(chosen, key=lambda scan_id: (voxels[scan_id], scan_id))
    assert set(chosen) <= set(voxels)


@given(SIZES, st.integers(1, 140), st.integers(0, 3))
def test_every_decile_gives_an_equal_share(sizes: list[int], count: int, seed: int) -> None:
    voxels = named(sizes)
    chosen = choose_by_decile(voxels, count, seed)
    ordered = sorted(voxels, key=lambda scan_id: (voxels[scan_id], scan_id))
    decile = {s: number for number, part in enumerate(np.array_split(ordered, 10)) for s in part.tolist()}
    shares = Counter(decile[scan_id] for scan_id in chosen)
    if len(sizes) >= 10 and count < len(sizes):
        assert max(shares.values()) - min(shares.get(number, 0) for number in range(10)) <= 1


@given(SIZES, st.integers(1, 140), st.randoms(use_true_random=False))
def test_the_list_does_not_depend_on_the_order_in_which_scans_are_told(sizes: list[int], count: int, random) -> None:
    voxels = list(named(sizes).items())
    before = choose_by_decile(dict(voxels), count, 0)
    random.shuffle(voxels)
    assert choose_by_decile(dict(voxels), count, 0) == before


def test_the_draw_is_that_of_its_seed() -> None:
    voxels = {f"{number:04d}": number * 7 % 1000 for number in range(1000)}
    lists = [choose_by_decile(voxels, 200, seed) for seed in (0, 0, 1)]
    assert lists[0] == lists[1] != lists[2]
    assert Counter(voxels[scan_id] // 100 for scan_id in lists[2]) == dict.fromkeys(range(10), 20)


@pytest.mark.parametrize("count, deciles", [(1, [5]), (2, [2, 7]), (5, [1, 3, 5, 7, 9])])
def test_fewer_scans_than_deciles_are_spread_from_small_to_large(count: int, deciles: list[int]) -> None:
    voxels = {f"{number:03d}": number for number in range(100)}
    assert [voxels[scan_id] // 10 for scan_id in choose_by_decile(voxels, count, 0)] == deciles
