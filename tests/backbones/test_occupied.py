from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from backbones.occupied import distinct_by_packing, distinct_by_sorting, occupied_cells
from backbones.sparse.packing import MAX_CELLS, MAX_SCANS

Cell = tuple[int, int, int]

near = st.integers(0, 3)
anywhere = st.integers(0, MAX_CELLS - 1)
scans_of_cells = st.lists(
    st.lists(st.tuples(near, near, near) | st.tuples(anywhere, near, anywhere), max_size=20), min_size=1, max_size=4
)


def as_tensors(scans: list[list[Cell]]) -> tuple[Tensor, Tensor]:
    index = torch.tensor([i for i, cells in enumerate(scans) for _ in cells], dtype=torch.int64)
    cells = torch.tensor([cell for cells in scans for cell in cells], dtype=torch.float32).reshape(-1, 3)
    return index, cells.t().contiguous()


@settings(deadline=None, max_examples=150)
@given(scans_of_cells, st.sampled_from([torch.float32, torch.float64, torch.int64]))
def test_occupied_cells_match_a_dictionary(scans: list[list[Cell]], kind: torch.dtype) -> None:
    index, cells = as_tensors(scans)
    given_cells = cells.to(kind)
    found = occupied_cells(index, len(scans), given_cells)
    of_point = [(i, *cell) for i, of_scan in enumerate(scans) for cell in of_scan]
    first: dict[tuple[int, ...], int] = {}
    for row, cell in enumerate(of_point):
        first.setdefault(cell, row)
    order = sorted(first)
    assert found.coordinates.tolist() == [list(cell) for cell in order]
    assert found.coordinates.shape == (len(order), 4)
    assert found.cell_of_point.tolist() == [order.index(cell) for cell in of_point]
    assert found.first_point.tolist() == [first[cell] for cell in order]
    assert {t.dtype for t in found} == {torch.int64}
    assert torch.equal(given_cells, cells.to(kind)), "the cells given were written to"


@settings(deadline=None, max_examples=150)
@given(st.integers(0, 50), st.data())
def test_both_ways_find_the_same_distinct_keys(bits: int, data: st.DataObject) -> None:
    """Keys as wide as packing takes them, few values and many, so that some are equal and some are at the bounds."""
    most = (1 << bits) - 1
    value = st.integers(0, most) | st.integers(0, min(most, 3)) | st.just(most)
    keys = torch.tensor(data.draw(st.lists(value, max_size=60)), dtype=torch.int64)
    before = keys.clone()
    for packed, ordered in zip(distinct_by_packing(keys), distinct_by_sorting(keys), strict=True):
        assert packed.dtype == ordered.dtype
        assert torch.equal(packed, ordered)
    assert torch.equal(keys, before)


def test_both_ways_agree_on_as_many_points_as_a_scan_has() -> None:
    draw = torch.Generator().manual_seed(0)
    keys = torch.randint(0, 90_000, (131_072,), generator=draw) << 23
    for packed, ordered in zip(distinct_by_packing(keys), distinct_by_sorting(keys), strict=True):
        assert torch.equal(packed, ordered)


def test_keys_without_room_for_a_row_are_sorted_all_the_same() -> None:
    """Cells at the last place of every axis in the last of the most scans fill all 63 bits."""
    end = float(MAX_CELLS - 1)
    cells = torch.tensor([[0.0, end, end, 0.0, end]]).expand(3, -1).contiguous()
    index = torch.tensor([0, 0, MAX_SCANS - 1, MAX_SCANS - 1, MAX_SCANS - 1])
    found = occupied_cells(index, MAX_SCANS, cells)
    last = MAX_CELLS - 1
    assert found.coordinates.tolist() == [
        [0, 0, 0, 0],
        [0, last, last, last],
        [MAX_SCANS - 1, 0, 0, 0],
        [MAX_SCANS - 1, last, last, last],
    ]
    assert found.cell_of_point.tolist() == [0, 1, 3, 2, 3]
    assert found.first_point.tolist() == [0, 1, 3, 2]


@pytest.mark.parametrize("value", [float(MAX_CELLS), float("inf"), float("nan")])
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_cell_beyond_the_range_or_no_number_is_refused(value: float, axis: int) -> None:
    cells = torch.zeros(3, 2)
    cells[axis, 1] = value
    with pytest.raises(ValueError, match="must lie in"):
        occupied_cells(torch.zeros(2, dtype=torch.int64), 1, cells)


def test_too_many_scans_are_refused() -> None:
    with pytest.raises(ValueError, match="must lie in"):
        occupied_cells(torch.zeros(1, dtype=torch.int64), MAX_SCANS + 1, torch.zeros(3, 1))


@pytest.mark.gpu
def test_a_gpu_finds_the_same_cells() -> None:
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    draw = torch.Generator().manual_seed(0)
    cells = torch.randint(0, 40, (3, 50_000), generator=draw).float()
    index = torch.arange(50_000) // 20_000
    here, there = (occupied_cells(index.to(device), 3, cells.to(device)) for device in ("cpu", "cuda"))
    assert all(torch.equal(ours, theirs.cpu()) for ours, theirs in zip(here, there, strict=True))
