"""What a run finds out about its data before it trains anything."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.data.poses import PosesUnavailable
from harness.errors import HarnessError
from harness.matrix.data import RunData, prepare_data
from harness.matrix.order import DataCopy
from harness.spec import DatasetName

WriteSequences = Callable[..., Path]


@pytest.fixture
def root(write_sequences: WriteSequences) -> Path:
    """Five scans to train on and three to evaluate on."""
    return write_sequences({"00": 5, "08": 3})


def skipping(root: Path, name: DatasetName = "semantickitti") -> tuple[RunData, list[str]]:
    """The data of a run that leaves damaged scans out, and what it told."""
    notes: list[str] = []
    return prepare_data(DataCopy(name, root, policy="skip-and-report"), root.parent / "out", 0, notes.append), notes


def test_a_scan_left_out_is_named_by_its_file(root: Path) -> None:
    (root / "sequences/00/velodyne/000001.bin").write_bytes(bytes(7))
    (root / "sequences/08/labels/000002.label").write_bytes(bytes(4))
    data, notes = skipping(root)
    assert data.spec.skipped == ("sequences/00/velodyne/000001.bin", "sequences/08/labels/000002.label")
    assert data.train == ("00/000000", "00/000002", "00/000003", "00/000004")
    assert data.evaluation == ("08/000000", "08/000001")
    assert data.spec.partial
    assert [note.partition(":")[0] for note in notes] == ["Left out 00/000001", "Left out 08/000002"]
    assert f"{root}/sequences/00/velodyne/000001.bin: found 7 bytes; expected" in notes[0]


def test_no_scan_vanishes_unnamed_with_a_damaged_past_scan(root: Path) -> None:
    """Every scan that is read with the damaged one is left out, and each of them is named."""
    file = "sequences/00/velodyne/000001.bin"
    (root / file).write_bytes(bytes(7))
    data, notes = skipping(root, "semantickitti-multiscan")
    assert data.train == ("00/000000", "00/000004")
    assert data.spec.skipped == tuple(f"00/00000{frame} ({file})" for frame in (1, 2, 3))
    assert [note.partition(": ")[0] for note in notes] == [f"Left out 00/00000{frame}" for frame in (1, 2, 3)]


def test_scans_without_a_pose_are_named_with_the_file_that_lacks_it(root: Path) -> None:
    path = root / "sequences/00/poses.txt"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:4]))
    data, _ = skipping(root, "semantickitti-multiscan")
    assert data.spec.skipped == ("00/000004 (sequences/00/poses.txt)",)


def test_a_fault_that_lies_outside_the_root_is_named_by_its_scan(root: Path) -> None:
    """A name that is no UTF-8 stands in reports with escapes, as a path that there is none of."""
    odd = root.rename(root.parent / os.fsdecode(b"caf\xe9"))
    (odd / "sequences/00/velodyne/000001.bin").write_bytes(bytes(7))
    data, notes = skipping(odd)
    assert data.spec.skipped == ("00/000001",)
    assert "caf\\udce9/sequences/00/velodyne/000001.bin: found 7 bytes" in notes[0]


def test_nothing_is_left_out_of_a_sound_copy(root: Path) -> None:
    data, notes = skipping(root)
    assert (data.spec.skipped, notes) == ((), [])
    assert data.spec == prepare_data(DataCopy("semantickitti", root), root.parent / "out", 0).spec


@pytest.mark.parametrize("sequence", ["00", "08"])
def test_a_sequence_without_calibration_is_found_before_the_training(root: Path, sequence: str) -> None:
    (root / f"sequences/{sequence}/calib.txt").write_text("P0: 1\n")
    with pytest.raises(PosesUnavailable, match=rf"sequences/{sequence}/calib\.txt: found P0 but no Tr: line"):
        prepare_data(DataCopy("semantickitti-multiscan", root), root.parent / "out", 0)
    prepare_data(DataCopy("semantickitti", root), root.parent / "out", 0)


def test_a_training_scan_beyond_the_poses_is_found_without_reading_it(root: Path) -> None:
    path = root / "sequences/00/poses.txt"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:4]))
    with pytest.raises(HarnessError, match=r"poses\.txt: found 4 poses; expected at least 5"):
        prepare_data(DataCopy("semantickitti-multiscan", root), root.parent / "out", 0)
