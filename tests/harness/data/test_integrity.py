from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from odd_files import lock

from harness.data.integrity import check
from harness.data.multiscan import SemanticKittiMultiScan
from harness.data.semantickitti import SemanticKitti
from harness.matrix.data import prepare_data
from harness.matrix.order import DataCopy

WriteSequences = Callable[..., Path]


def test_a_sound_set_passes(write_sequences: WriteSequences, tmp_path: Path) -> None:
    root = write_sequences({"00": 3, "08": 1, "11": 1})
    seen: list[tuple[int, int]] = []
    manifest = tmp_path / "MANIFEST"
    report = check(SemanticKitti(root), progress=lambda done, total: seen.append((done, total)), manifest=manifest)
    assert report.ok
    assert report.notes == ()
    assert report.synthetic
    assert not report.partial
    assert report.sequences["00"].points == 50 + 53 + 56
    assert sum(report.class_points.values()) == 50 + 53 + 56 + 50
    assert (report.sequences["00"].fewest_points, report.sequences["00"].most_points) == (50, 56)
    assert seen == [(done, 5) for done in range(1, 6)]
    ids = ["00/000000", "00/000001", "00/000002", "08/000000", "11/000000"]
    assert report.manifest_all == SemanticKitti(root).manifest(ids)
    assert report.manifest_all == hashlib.sha256(manifest.read_bytes()).hexdigest()
    assert len(manifest.read_text().splitlines()) == 9


@pytest.mark.parametrize("kind", [SemanticKitti, SemanticKittiMultiScan])
def test_the_manifest_is_the_one_that_a_run_carries(
    write_sequences: WriteSequences, tmp_path: Path, kind: type[SemanticKitti]
) -> None:
    dataset = kind(write_sequences({"00": 4, "08": 2, "11": 1}))
    report = check(dataset)
    data = prepare_data(DataCopy(kind.name, dataset.root), tmp_path / "store", workers=0)
    assert report.manifest == data.spec.manifest
    assert report.manifest_all != report.manifest
    assert check(dataset, splits=("val",)).manifest == dataset.manifest(dataset.scan_ids("val"))


def test_bounds_classes_and_instances_are_those_of_the_files(write_sequences: WriteSequences) -> None:
    dataset = SemanticKitti(write_sequences({"00": 2, "08": 1}, points=700))
    report = check(dataset)
    points = np.concatenate([np.fromfile(dataset.points_path(f"00/{i:06d}"), "<f4").reshape(-1, 4) for i in range(2)])
    for column, name in enumerate(("x_m", "y_m", "z_m", "intensity")):
        assert report.sequences["00"].bounds[name] == (points[:, column].min(), points[:, column].max())
    words = np.concatenate([np.fromfile(dataset.labels_path(f"00/{i:06d}"), "<u4") for i in range(2)])
    assert report.sequences["00"].instances == len({int(word) for word in words if word >> 16})
    labels = [int(c) for scan in ("00/000000", "00/000001", "08/000000") for c in dataset.read_labels(scan)]
    assert report.class_points == {name: labels.count(c) for c, name in enumerate(dataset.label_map.names)}


def test_a_scan_with_two_damaged_files_has_two_faults(write_sequences: WriteSequences) -> None:
    root = write_sequences({"00": 1})
    (root / "sequences/00/velodyne/000000.bin").write_bytes(bytes(9))
    (root / "sequences/00/labels/000000.label").write_bytes(bytes(3))
    assert [fault.found for fault in check(SemanticKitti(root)).faults] == ["9 bytes", "3 bytes"]


def test_a_check_of_nothing_does_not_pass(tmp_path: Path) -> None:
    (tmp_path / "sequences").mkdir()
    report = check(SemanticKitti(tmp_path, partial=True))
    assert [fault.found for fault in report.faults] == ["no scan"]


def test_a_set_that_cannot_be_listed_has_one_fault(write_sequences: WriteSequences) -> None:
    root = write_sequences({"00": 1})
    (root / "synthetic.json").write_text("[")
    report = check(SemanticKitti(root))
    assert [Path(fault.file).name for fault in report.faults] == ["synthetic.json"]
    assert (report.files, report.manifest, report.manifest_all) == (0, None, None)


def test_files_that_nothing_reads_are_notes(write_sequences: WriteSequences) -> None:
    root = write_sequences({"00": 1, "11": 1})
    (root / "sequences/00/labels/000001.label").touch()
    (root / "sequences/00/labels/000000 (1).label").touch()
    (root / "sequences/11/labels/000000.label").touch()
    (root / "sequences/22").mkdir()
    report = check(SemanticKitti(root))
    assert report.ok
    assert [note.found for note in report.notes] == [
        "2 label files without a scan (000000 (1).label, 000001.label)",
        "1 label files (000000.label)",
        "1 entries of no split (22)",
    ]


def test_the_multi_scan_task_needs_poses(write_sequences: WriteSequences) -> None:
    root = write_sequences({"00": 3})
    sound = check(SemanticKittiMultiScan(root))
    assert sound.ok
    assert len(sound.class_points) == 26
    assert sound.files == 8, "scans, labels, and both files of poses"
    assert sound.manifest == SemanticKittiMultiScan(root).manifest(["00/000000", "00/000001", "00/000002"])
    (root / "sequences/00/poses.txt").unlink()
    assert [Path(fault.file).name for fault in check(SemanticKittiMultiScan(root)).faults] == ["poses.txt"]
    assert check(SemanticKitti(root)).ok


def test_an_absent_past_scan_is_told_by_its_sequence_alone(write_sequences: WriteSequences) -> None:
    root = write_sequences({"00": 8})
    for frame in (0, 3, 4):
        (root / f"sequences/00/velodyne/{frame:06d}.bin").unlink()
        (root / f"sequences/00/labels/{frame:06d}.label").unlink()
    (root / "sequences/00/labels/000006.label").unlink()
    (root / "sequences/00/poses.txt").unlink()
    places = [Path(fault.file).name for fault in check(SemanticKittiMultiScan(root)).faults]
    assert sorted(places) == ["000000.bin", "000006.label", "poses.txt"]


def test_a_sequence_that_may_not_be_searched_hides_no_other_fault(
    write_sequences: WriteSequences, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As for a user without rights on it; the superuser, who may run this test, has them on every folder."""
    root = write_sequences({"00": 1, "08": 1})
    (root / "sequences/08/velodyne/000000.bin").write_bytes(b"123")
    lock(root / "sequences/00", monkeypatch)
    faults = check(SemanticKitti(root)).faults
    assert [Path(fault.file).relative_to(root / "sequences").as_posix() for fault in faults] == [
        "00/velodyne", "00/labels", "08/velodyne/000000.bin",
    ]  # fmt: skip
    assert {fault.found for fault in faults[:2]} == {"'Permission denied' on reading"}


def test_an_empty_folder_is_told_once_and_never_sends_to_the_check(write_sequences: WriteSequences) -> None:
    root = write_sequences({"00": 1, "08": 1})
    (root / "sequences/08/velodyne/000000.bin").unlink()
    (root / "sequences/00/velodyne/000000.bin").write_bytes(b"123")
    faults = check(SemanticKitti(root)).faults
    assert [fault.found for fault in faults] == ["3 bytes", "no scan"]
    assert faults[0].remedy == "Fetch the file again."


def test_every_fault_is_listed_at_once(write_sequences: WriteSequences) -> None:
    root = write_sequences({"00": 5, "08": 1})
    train = root / "sequences/00"
    (train / "velodyne/000000.bin").write_bytes(bytes(9))
    (train / "labels/000001.label").write_bytes(b"\x07\0\0\0" * 53)
    (train / "velodyne/000002.bin").write_bytes(b"\xff" * 56 * 16)
    (train / "labels/000003.label").unlink()
    (train / "velodyne/000007.bin").touch()
    (train / "poses.txt").write_text("1 0 0 0 0 1 0 0 0 0 1 0\n")
    (root / "sequences/08/poses.txt").write_text("1 0 0\n")
    (root / "sequences/08/calib.txt").write_text("Tr: 1 0 0\n")
    report = check(SemanticKitti(root))
    assert not report.ok
    places = sorted(str(Path(fault.file).relative_to(root / "sequences")) for fault in report.faults)
    assert places == [
        "00/labels/000001.label",
        "00/labels/000003.label",
        "00/poses.txt",
        "00/velodyne",
        "00/velodyne/000000.bin",
        "00/velodyne/000002.bin",
        "08/calib.txt",
        "08/poses.txt",
    ]


def test_missing_poses_and_tr_are_notes(write_sequences: WriteSequences) -> None:
    root = write_sequences({"00": 1})
    (root / "sequences/00/poses.txt").unlink()
    (root / "sequences/00/calib.txt").write_text("P0: 1\n")
    report = check(SemanticKitti(root))
    assert report.ok
    assert [Path(note.file).name for note in report.notes] == ["poses.txt", "calib.txt"]


def test_missing_scans_are_faults_unless_the_copy_is_partial(write_sequences: WriteSequences) -> None:
    root = write_sequences({"00": 1, "08": 1}, declared=False)
    report = check(SemanticKitti(root))
    assert len(report.faults) == 22
    assert [fault.found for fault in report.faults][:2] == [
        "nothing there, the first of 4540 missing scans of 00",
        "nothing there, the first of 1101 missing scans of 01",
    ]
    assert [fault.expected for fault in report.faults][:2] == ["the 4541 scans of it", "the 1101 scans of it"]
    places = [Path(fault.file).relative_to(root / "sequences").as_posix() for fault in report.faults]
    assert places[:2] == ["00/velodyne/000001.bin", "01/velodyne/000000.bin"]
    partial = SemanticKitti(root, partial=True)
    assert check(partial).ok
    assert check(partial).partial
    assert len(check(SemanticKitti(root), splits=("val",)).faults) == 1


def test_the_report_is_json(write_sequences: WriteSequences) -> None:
    root = write_sequences({"00": 1})
    shutil.rmtree(root / "sequences/00/labels")
    record = json.loads(check(SemanticKitti(root)).model_dump_json())
    assert record["ok"] is False
    assert set(record["faults"][0]) == {"file", "found", "expected", "remedy"}


def test_workers_do_not_change_the_report(write_sequences: WriteSequences) -> None:
    root = write_sequences({"00": 9, "08": 2})
    (root / "sequences/00/velodyne/000004.bin").write_bytes(bytes(9))
    assert check(SemanticKitti(root), workers=2) == check(SemanticKitti(root))
