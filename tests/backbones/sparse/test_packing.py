from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from backbones.sparse.packing import GUARD, MAX_CELLS, MAX_SCANS, pack, shift, unpack

cells = st.integers(0, MAX_CELLS - 1)
voxels = st.tuples(st.integers(0, MAX_SCANS - 1), cells, cells, cells)


@given(st.lists(voxels, min_size=2, max_size=20))
def test_keys_sort_like_coordinates_and_unpack_to_them(rows: list[tuple[int, int, int, int]]) -> None:
    coordinates = torch.tensor(rows)
    keys = pack(coordinates)
    assert torch.equal(unpack(keys), coordinates)
    assert bool((keys >= 0).all())
    assert coordinates[torch.argsort(keys, stable=True)].tolist() == [list(row) for row in sorted(rows)]


moves = st.integers(-GUARD, GUARD)


@given(voxels, st.tuples(moves, moves, moves))
def test_a_shift_moves_each_axis_alone(voxel: tuple[int, int, int, int], move: tuple[int, int, int]) -> None:
    moved = unpack(pack(torch.tensor([voxel])) + shift(*move))[0].tolist()
    assert moved == [voxel[0], *(c + d for c, d in zip(voxel[1:], move, strict=True))]


@pytest.mark.parametrize(
    "row",
    [(-1, 0, 0, 0), (0, -1, 0, 0), (0, 0, 0, -1), (MAX_SCANS, 0, 0, 0), (0, MAX_CELLS, 0, 0), (0, 0, 0, MAX_CELLS)],
)
def test_out_of_range_is_refused(row: tuple[int, int, int, int]) -> None:
    with pytest.raises(ValueError, match=r"0\.\.511"):
        pack(torch.tensor([row]))


@pytest.mark.parametrize("wrong", [torch.zeros(3, 3, dtype=torch.int64), torch.zeros(3, 4, dtype=torch.int32)])
def test_wrong_shape_or_type_is_refused(wrong: torch.Tensor) -> None:
    with pytest.raises(ValueError, match="int64"):
        pack(wrong)


def test_no_voxels() -> None:
    assert pack(torch.zeros(0, 4, dtype=torch.int64)).shape == (0,)
