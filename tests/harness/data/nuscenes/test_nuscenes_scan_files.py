from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.data.nuscenes.scan_files import count_points, read_labels, read_points, read_whole_labels
from harness.errors import HarnessError

POINT = (1.0, -2.0, 0.5, 40.0, 7.0)
coordinates = st.floats(-1000, 1000, width=32)
points = st.tuples(coordinates, coordinates, coordinates, st.integers(0, 255), st.integers(1, 31))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(points, min_size=1, max_size=20))
def test_points_are_read_as_written(tmp_path: Path, rows: list[tuple[float, ...]]) -> None:
    path = tmp_path / "scan.pcd.bin"
    path.write_bytes(b"".join(struct.pack("<5f", *row) for row in rows))
    assert read_points(path).tolist() == [list(row) for row in rows]
    assert count_points(path) == len(rows)


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"", "0 bytes"),
        (struct.pack("<5f", *POINT) + b"1", "21 bytes"),
        (struct.pack("<10f", *POINT, 1, 2, float("nan"), 4, 5), "1 of 2 points with a NaN"),
        (struct.pack("<5f", 1, 2, 1000.5, 4, 5), "1 of 1 points"),
        (struct.pack("<5f", 1, 2, 3, -1, 5), "1 of 1 points"),
        (struct.pack("<5f", 1, 2, 3, 256, 5), "1 of 1 points"),
        (struct.pack("<5f", 1, 2, 3, 4, 5.5), "1 of 1 points"),
        (struct.pack("<5f", 1, 2, 3, 4, float("inf")), "1 of 1 points"),
        (struct.pack(">5f", *POINT), "1 of 1 points"),
        (bytes(40), "1 of 1 disk blocks that are zeros alone"),
        (struct.pack("<5f", *POINT) * 205 + bytes(8200), "1 of 3 disk blocks that are zeros alone"),
    ],
)
def test_damaged_points_are_refused(tmp_path: Path, content: bytes, found: str) -> None:
    path = tmp_path / "scan.pcd.bin"
    path.write_bytes(content)
    with pytest.raises(HarnessError, match=r"scan\.pcd\.bin") as caught:
        read_points(path)
    assert found in caught.value.found


def test_labels_are_one_byte_a_point(tmp_path: Path) -> None:
    path = tmp_path / "labels.bin"
    path.write_bytes(bytes([3, 31, 0]))
    assert read_labels(path, 3).tolist() == read_whole_labels(path).tolist() == [3, 31, 0]
    for other in (2, 4):
        with pytest.raises(HarnessError, match=f"found 3 bytes; expected {other} bytes, one label for each"):
            read_labels(path, other)
    path.write_bytes(b"")
    with pytest.raises(HarnessError, match="found 0 bytes"):
        read_whole_labels(path)


def test_points_of_big_endian_words_are_refused(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    rows = np.column_stack([rng.normal(0, 20, (50, 3)), rng.integers(0, 256, 50), rng.integers(0, 32, 50)])
    rows.astype(">f4").tofile(tmp_path / "scan.pcd.bin")
    with pytest.raises(HarnessError, match="an impossible value"):
        read_points(tmp_path / "scan.pcd.bin")
