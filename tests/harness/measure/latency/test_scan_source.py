from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest

from harness.errors import HarnessError
from harness.measure.latency.scan_source import ScanSource, points_sha256


@pytest.fixture
def root(write_sequences) -> Path:
    return write_sequences({"08": 2, "11": 1}, points=20)


def test_scans_of_a_data_set_come_without_labels_and_in_order(root: Path) -> None:
    source = ScanSource(dataset="semantickitti", root=root, scans=("08/000001", "08/000000"), partial=True)
    first, second = source.read()
    assert (first.scan_ids, second.scan_ids) == (("08/000001",), ("08/000000",))
    assert first.labels is None
    assert source.scan_ids == source.scans
    assert ScanSource.model_validate_json(source.model_dump_json()) == source


def test_the_hash_is_of_the_bytes_of_the_points_in_order(root: Path) -> None:
    files = [root / f"sequences/08/velodyne/{frame:06d}.bin" for frame in (1, 0)]
    digest = hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()
    listed = ScanSource(dataset="semantickitti", root=root, scans=("08/000001", "08/000000"), partial=True)
    assert points_sha256(listed.read()) == points_sha256(ScanSource.of_files(files).read()) == digest
    assert points_sha256(ScanSource.of_files(files[::-1]).read()) != digest


def test_files_are_named_by_sequence_and_frame_and_no_folder_above(root: Path, tmp_path: Path) -> None:
    scan = root / "sequences/08/velodyne/000000.bin"
    copy = tmp_path / "mine.bin"
    copy.write_bytes(scan.read_bytes())
    source = ScanSource.of_files([scan, copy, copy])
    assert source.scan_ids == ("08/000000", "mine", "mine#2")
    assert [points.scan_ids for points in source.read()] == [("08/000000",), ("mine",), ("mine#2",)]
    assert source.synthetic, "one of them lies in a set that was made"
    assert not ScanSource.of_files([copy]).synthetic


def test_a_file_that_is_no_scan_is_named(tmp_path: Path) -> None:
    np.zeros(3, dtype="<f4").tofile(tmp_path / "short.bin")
    with pytest.raises(HarnessError, match=r"short\.bin"):
        list(ScanSource.of_files([tmp_path / "short.bin"]).read())
