from __future__ import annotations

import math
from itertools import chain

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.data.share import Part, Share, scans_per_part

ids = st.lists(st.integers(0, 999).map("{:03d}".format), min_size=1, max_size=24, unique=True)


def in_order(scan_ids: list[str], micro_batch: int, processes: int) -> list[Part]:
    """The parts of all processes as one that makes them one after another would meet them."""
    rounds = zip(*(Share(micro_batch, rank, processes).parts(scan_ids) for rank in range(processes)), strict=True)
    return list(chain.from_iterable(rounds))


@given(ids, st.integers(1, 30), st.integers(1, 9))
def test_any_number_of_processes_makes_the_parts_of_one(scan_ids: list[str], micro_batch: int, processes: int) -> None:
    alone = in_order(scan_ids, micro_batch, 1)
    together = in_order(scan_ids, micro_batch, processes)
    assert [part for part in together if part.scan_ids] == alone
    assert [part.weight for part in together if not part.scan_ids] == [0.0] * (len(together) - len(alone))
    assert len(together) - len(alone) < processes, "no round without a part"


@given(ids, st.integers(1, 30))
def test_the_parts_are_the_batch_in_order_and_weigh_one(scan_ids: list[str], micro_batch: int) -> None:
    parts = in_order(scan_ids, micro_batch, 1)
    assert [scan_id for part in parts for scan_id in part.scan_ids] == scan_ids
    assert max(len(part.scan_ids) for part in parts) <= micro_batch
    assert len(parts) == math.ceil(len(scan_ids) / micro_batch)
    assert sum(part.weight for part in parts) == pytest.approx(1, abs=1e-12)
    assert all(part.weight == len(part.scan_ids) / len(scan_ids) for part in parts)


def test_a_batch_of_five_on_two_processes() -> None:
    first, second = (Share(2, rank, 2).parts(list("abcde")) for rank in (0, 1))
    assert first == (Part(("a", "b"), 0.4), Part(("e",), 0.2))
    assert second == (Part(("c", "d"), 0.4), Part((), 0.0))


@pytest.mark.parametrize(
    ("batch_size", "micro_batch", "processes", "most"),
    [
        (4, None, 1, 4), (4, 9, 1, 4), (4, 3, 1, 3), (4, None, 2, 2),
        (5, None, 2, 3), (4, 3, 2, 2), (4, 1, 2, 1), (1, None, 8, 1),
    ],
)  # fmt: skip
def test_most_scans_of_a_part(batch_size: int, micro_batch: int | None, processes: int, most: int) -> None:
    assert scans_per_part(batch_size, micro_batch, processes) == most


@pytest.mark.parametrize("numbers", [(0, None, 1), (2, 0, 1), (2, None, 0)])
def test_nothing_to_share_is_refused(numbers: tuple[int, int | None, int]) -> None:
    with pytest.raises(ValueError, match="above 0"):
        scans_per_part(*numbers)
