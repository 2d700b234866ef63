from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from harness.data.kitti_files import (
    count_points,
    count_words,
    read_points,
    read_whole_words,
    read_words,
    require_words,
)
from harness.data.point_files import MOST_POINTS
from harness.errors import HarnessError

anywhere = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


@anywhere
@given(hnp.arrays(np.float32, st.tuples(st.integers(1, 50), st.just(4)), elements=st.floats(-100, 100, width=32)))
def test_points_are_read_as_written(tmp_path: Path, points: np.ndarray) -> None:
    path = tmp_path / "scan.bin"
    points[0, 0] += not points.any()  # a file of zeros alone was never filled
    path.write_bytes(b"".join(struct.pack("<4f", *row) for row in points.tolist()))
    np.testing.assert_array_equal(read_points(path), points)
    assert count_points(path) == len(points)


@anywhere
@given(hnp.arrays(np.uint32, st.integers(1, 50)))
def test_words_are_read_as_written(tmp_path: Path, words: np.ndarray) -> None:
    path = tmp_path / "scan.label"
    words[0] |= 1  # instances without one class are words in the other byte order
    path.write_bytes(b"".join(struct.pack("<I", word) for word in words.tolist()))
    np.testing.assert_array_equal(read_words(path, len(words)), words)
    np.testing.assert_array_equal(read_whole_words(path), words)
    assert count_words(path) == len(words)
    require_words(path, len(words), "none")


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"", "0 bytes"),
        (bytes(16 * 3 + 5), "53 bytes"),
        (struct.pack("<8f", 1, 2, 3, 0, 1, float("nan"), 3, 0), "1 of 2 points with a NaN"),
        (struct.pack("<8f", 1, 2, 3, 0, 1, 2, 3, float("nan")), "1 of 2 points with a NaN"),
        (struct.pack("<4f", float("-inf"), 2, 3, 0), "1 of 1 points with a NaN, an infinity"),
        (bytes(16 * 3), "1 of 1 disk blocks that are zeros alone"),
        (struct.pack("<4f", 1, 2, 3, 0) * 256 + bytes(4096), "1 of 2 disk blocks that are zeros alone"),
        (struct.pack("<4f", 1e30, 2, 3, 0), "1 of 1 points with a NaN, an infinity or an impossible value"),
    ],
)
def test_damaged_scans_are_refused(tmp_path: Path, content: bytes, found: str) -> None:
    path = tmp_path / "000003.bin"
    path.write_bytes(content)
    with pytest.raises(HarnessError) as caught:
        read_points(path)
    assert caught.value.where == str(path)
    assert caught.value.found.startswith(found)


def test_a_huge_file_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "000003.bin"
    with path.open("wb") as file:
        file.truncate(16 * (MOST_POINTS + 1))
    for read in (read_points, count_points, count_words, read_whole_words):
        with pytest.raises(HarnessError, match=f"1 to {MOST_POINTS}"):
            read(path)


def test_the_remedy_for_a_wrong_number_of_labels_is_the_callers(tmp_path: Path) -> None:
    path = tmp_path / "000003.label"
    path.write_bytes(bytes(8))
    with pytest.raises(HarnessError, match=r"found 8 bytes, 2 labels; expected 12 bytes.*Write three"):
        require_words(path, 3, "Write three.")


@pytest.mark.parametrize("size", [0, 8, 13, 16])
def test_labels_of_another_length_are_refused(tmp_path: Path, size: int) -> None:
    path = tmp_path / "000003.label"
    path.write_bytes(bytes(size))
    with pytest.raises(HarnessError, match=f"000003.label: found {size} bytes.*the scan's 3 points"):
        read_words(path, 3)


@pytest.mark.parametrize("size", [0, 13])
def test_half_words_are_refused(tmp_path: Path, size: int) -> None:
    path = tmp_path / "000003.label"
    path.write_bytes(bytes(size))
    with pytest.raises(HarnessError, match=f"000003.label: found {size} bytes"):
        read_whole_words(path)


def test_words_in_the_other_byte_order_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "000003.label"
    path.write_bytes(struct.pack(">3I", 40, 0, 72))
    for read in (read_whole_words, lambda path: read_words(path, 3)):
        with pytest.raises(HarnessError, match="instances without a single class; expected little-endian words"):
            read(path)
    path.write_bytes(bytes(12))
    assert read_whole_words(path).tolist() == [0, 0, 0], "nothing labelled is no fault"


def test_missing_files_and_folders_are_named(tmp_path: Path) -> None:
    with pytest.raises(HarnessError, match=r"000003\.bin: found 'No such file"):
        read_points(tmp_path / "000003.bin")
    (tmp_path / "folder.bin").mkdir()
    with pytest.raises(HarnessError, match=r"folder\.bin"):
        read_points(tmp_path / "folder.bin")
