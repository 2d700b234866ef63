from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.data.kitti_files import to_points as to_kitti_points
from harness.data.nuscenes.scan_files import to_points as to_nuscenes_points
from harness.data.point_files import BLOCK_BYTES, require_filled, require_sound
from harness.errors import HarnessError

PATH = Path("scan.bin")


@given(st.integers(1, 4 * BLOCK_BYTES + 99), st.lists(st.tuples(st.integers(0, 4 * BLOCK_BYTES), st.integers(1, 9000))))
def test_a_file_is_refused_for_whole_blocks_of_zeros_alone(size: int, holes: list[tuple[int, int]]) -> None:
    data = np.full(size, 7, dtype=np.uint8)
    for start, length in holes:
        data[start : start + length] = 0
    content = data.tobytes()
    blocks = [content[place : place + BLOCK_BYTES] for place in range(0, size - BLOCK_BYTES + 1, BLOCK_BYTES)]
    blocks = blocks or [content]
    blank = sum(set(block) == {0} for block in blocks)
    if blank:
        with pytest.raises(HarnessError, match="zeros of an unfinished copy") as caught:
            require_filled(data, PATH)
        assert caught.value.found == f"{blank} of {len(blocks)} disk blocks that are zeros alone"
    else:
        require_filled(data, PATH)


@pytest.mark.parametrize(("columns", "read"), [(4, to_kitti_points), (5, to_nuscenes_points)])
def test_both_readers_let_lost_echoes_pass_and_refuse_a_hole(columns: int, read) -> None:  # type: ignore[no-untyped-def]
    """A third of the echoes is lost, one here and one there; a hole is as long as a block and begins where one does."""
    points = np.ones((30_000, columns), dtype="<f4")
    points[::3] = 0
    data = points.view(np.uint8).reshape(-1)
    assert len(read(data, PATH)) == 30_000
    data[17 * BLOCK_BYTES : 18 * BLOCK_BYTES] = 0
    with pytest.raises(HarnessError, match=r"scan\.bin: found 1 of \d+ disk blocks that are zeros alone"):
        read(data, PATH)


def test_impossible_points_are_counted() -> None:
    require_sound(np.array([True, True]), "sense", PATH)
    with pytest.raises(HarnessError, match=r"scan\.bin: found 2 of 3 points .* expected sense"):
        require_sound(np.array([False, True, False]), "sense", PATH)
