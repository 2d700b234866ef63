from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from harness.data.labels import SEMANTICKITTI
from harness.data.semantickitti import SemanticKitti
from harness.errors import HarnessError
from harness.spec import DatasetSpec

WriteSequences = Callable[..., Path]


def test_a_scan_is_read_as_written(write_sequences: WriteSequences) -> None:
    root = write_sequences({"00": 2})
    scan = SemanticKitti(root).read("00/000001")
    points = np.fromfile(root / "sequences/00/velodyne/000001.bin", "<f4").reshape(-1, 4)
    words = np.fromfile(root / "sequences/00/labels/000001.label", "<u4")
    assert scan.scan_id == "00/000001"
    assert len(scan) == 53
    np.testing.assert_array_equal(np.column_stack([scan.xyz, scan.intensity]), points)
    assert scan.labels is not None
    assert scan.labels.tolist() == [SEMANTICKITTI.raw_to_train[int(word) % 65536] for word in words]
    assert scan.instances is not None
    assert scan.instances.tolist() == [int(word) // 65536 for word in words]


def test_scans_are_listed_by_sequence_and_frame(write_sequences: WriteSequences) -> None:
    dataset = SemanticKitti(write_sequences({"10": 1, "00": 2, "08": 1}))
    assert dataset.scan_ids("train") == ["00/000000", "00/000001", "10/000000"]
    assert dataset.scan_ids("val") == ["08/000000"]


def test_the_test_split_has_no_labels(write_sequences: WriteSequences) -> None:
    dataset = SemanticKitti(write_sequences({"11": 1}))
    scan = dataset.read("11/000000")
    assert scan.labels is None
    assert scan.instances is None
    assert dataset.files("11/000000") == ["sequences/11/velodyne/000000.bin"]


def test_labels_alone_equal_those_of_the_scan(write_sequences: WriteSequences) -> None:
    dataset = SemanticKitti(write_sequences({"00": 1}))
    np.testing.assert_array_equal(dataset.read_labels("00/000000"), dataset.read("00/000000").labels)


def test_a_missing_root_is_named(tmp_path: Path) -> None:
    with pytest.raises(HarnessError, match="nowhere: found no such folder"):
        SemanticKitti(tmp_path / "nowhere")
    with pytest.raises(HarnessError, match="a folder without sequences/"):
        SemanticKitti(tmp_path)


def test_an_incomplete_copy_must_be_owned_up_to(write_sequences: WriteSequences) -> None:
    root = write_sequences({"00": 2, "04": 1}, declared=False)
    with pytest.raises(HarnessError) as caught:
        SemanticKitti(root).scan_ids("train")
    assert "00 lacks 4539 of 4541" in caught.value.found
    assert "04 lacks 270 of 271" in caught.value.found
    assert "10 lacks 1201 of 1201" in caught.value.found
    assert "--partial" in caught.value.remedy
    assert SemanticKitti(root, partial=True).scan_ids("train") == ["00/000000", "00/000001", "04/000000"]


def test_a_partial_copy_without_any_scan_of_the_split_is_refused(write_sequences: WriteSequences) -> None:
    dataset = SemanticKitti(write_sequences({"00": 1}, declared=False), partial=True)
    with pytest.raises(HarnessError, match="the 4071 scans of the val split"):
        dataset.scan_ids("val")


@pytest.mark.parametrize("partial", [False, True])
def test_an_empty_sequence_and_strays_are_refused_either_way(write_sequences: WriteSequences, partial: bool) -> None:
    root = write_sequences({"00": 2})
    dataset = SemanticKitti(root, partial=partial)
    stray = root / "sequences/00/velodyne/000002.bin"
    stray.touch()
    with pytest.raises(HarnessError, match=r"1 other scans \(000002.bin\)"):
        dataset.scan_ids("train")
    for path in stray.parent.iterdir():
        path.unlink()
    with pytest.raises(HarnessError, match="velodyne: found no scan"):
        dataset.scan_ids("train")


def test_a_damaged_synthetic_set_is_incomplete_too(write_sequences: WriteSequences) -> None:
    root = write_sequences({"00": 3})
    (root / "sequences/00/velodyne/000001.bin").unlink()
    with pytest.raises(HarnessError, match="00 lacks 1 of 3"):
        SemanticKitti(root).scan_ids("train")


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("velodyne/000000.bin", bytes(20), r"velodyne/000000\.bin: found 20 bytes"),
        ("velodyne/000000.bin", b"", r"velodyne/000000\.bin: found 0 bytes"),
        ("velodyne/000000.bin", b"\xff" * 16, r"velodyne/000000\.bin: found 1 of 1 points with a NaN"),
        ("labels/000000.label", bytes(8), r"labels/000000\.label: found 8 bytes, 2 labels; expected 200 bytes"),
        ("labels/000000.label", b"\x07\0\0\0" * 50, r"labels/000000\.label: found raw ids 7 \(50 points\)"),
        ("labels/000000.label", None, r"labels/000000\.label: found 'No such file"),
        ("velodyne/000000.bin", None, r"velodyne/000000\.bin: found 'No such file"),
    ],
)
def test_a_damaged_file_is_named(
    write_sequences: WriteSequences, file: str, content: bytes | None, message: str
) -> None:
    root = write_sequences({"00": 1})
    path = root / "sequences/00" / file
    path.unlink() if content is None else path.write_bytes(content)
    with pytest.raises(HarnessError, match=message):
        SemanticKitti(root).read("00/000000")


def test_the_description_fits_the_contract(write_sequences: WriteSequences) -> None:
    dataset = SemanticKitti(write_sequences({"00": 2, "08": 1, "11": 1}))
    description = dataset.description()
    assert description.scans == description.official_scans == {"train": 2, "val": 1}
    assert description.synthetic
    assert not description.partial
    spec = DatasetSpec(manifest=dataset.manifest(dataset.scan_ids("train")), **description.model_dump())
    assert spec.label_map == SEMANTICKITTI.hash


def test_a_partial_copy_says_so(write_sequences: WriteSequences) -> None:
    description = SemanticKitti(write_sequences({"00": 2}, declared=False), partial=True).description()
    assert description.partial
    assert not description.synthetic
    assert description.scans == {"train": 2, "val": 0}
    assert description.official_scans == {"train": 19130, "val": 4071}


def test_the_reader_goes_to_workers(write_sequences: WriteSequences) -> None:
    dataset = SemanticKitti(write_sequences({"00": 1}))
    dataset.scan_ids("train")
    assert pickle.loads(pickle.dumps(dataset)).read("00/000000").scan_id == "00/000000"
