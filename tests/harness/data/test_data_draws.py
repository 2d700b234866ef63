from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st

from harness.data.draws import generator, torch_generator

KEYS = st.tuples(st.integers(0, 2**40), st.integers(0, 1000), st.text(max_size=8), st.text(max_size=8))


@given(KEYS)
def test_the_same_key_draws_the_same_numbers(key: tuple[int, int, str, str]) -> None:
    assert generator(*key).random(4).tolist() == generator(*key).random(4).tolist()
    first = torch.rand(4, generator=torch_generator(*key))
    assert torch.equal(first, torch.rand(4, generator=torch_generator(*key)))


@given(KEYS, KEYS)
def test_another_key_draws_other_numbers(a: tuple[int, int, str, str], b: tuple[int, int, str, str]) -> None:
    assert (generator(*a).random() == generator(*b).random()) == (a == b)
    assert (torch_generator(*a).initial_seed() == torch_generator(*b).initial_seed()) == (a == b)


def test_neighbouring_texts_do_not_run_together() -> None:
    assert generator(0, 0, "ab", "c").random() != generator(0, 0, "a", "bc").random()
    assert generator(1, 11, "", "").random() != generator(11, 1, "", "").random()


def test_the_draws_are_frozen() -> None:
    """Resumed runs and published seeds rest on these values."""
    drawn = generator(0, 0, "08/000004", "augmentation").integers(0, 2**32, 3)
    assert drawn.tolist() == [3271513926, 3625011631, 3389142029]
    assert torch_generator(0, 0, "08/000004", "supervoxels").initial_seed() == 7420059831733780854


def test_the_draws_spread_evenly_over_scans() -> None:
    first = torch.tensor([generator(3, 0, f"00/{frame:06d}", "augmentation").random() for frame in range(2000)])
    assert abs(first.mean() - 0.5) < 0.02
    assert torch.histc(first, 10, 0, 1).min() > 140
