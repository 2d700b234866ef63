from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.data.integrity import check
from harness.data.semantickitti import SemanticKitti
from harness.errors import HarnessError

WriteSequences = Callable[..., Path]


def test_a_sound_set_passes(write_sequences: WriteSequences, tmp_path: Path) -> None:
    root = write_sequences({"00": 3, "08": 1, "11": 1})
    seen: list[tuple[int, int]] = []
    report = check(root, progress=lambda done, total: seen.append((done, total)), manifest=tmp_path / "MANIFEST")
    assert report.ok
    assert report.notes == ()
    assert report.synthetic
    assert not report.partial
    assert report.sequences["00"].points == 50 + 53 + 56
    assert sum(report.class_points.values()) == 50 + 53 + 56 + 50
    assert seen == [(done, 5) for done in range(1, 6)]
    ids = ["00/000000", "00/000001", "00/000002", "08/000000", "11/000000"]
    assert report.manifest == SemanticKitti(root).manifest(ids)
    assert len((tmp_path / "MANIFEST").read_text().splitlines()) == 9


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
    report = check(root)
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
    report = check(root)
    assert report.ok
    assert [Path(note.file).name for note in report.notes] == ["poses.txt", "calib.txt"]


def test_missing_scans_are_faults_unless_the_copy_is_partial(write_sequences: WriteSequences) -> None:
    root = write_sequences({"00": 1, "08": 1}, declared=False)
    report = check(root)
    assert [fault.found for fault in report.faults].count("0 scans") == 20
    assert [fault.expected for fault in report.faults][:2] == ["4541 scans", "1101 scans"]
    assert check(root, partial=True).ok
    assert check(root, partial=True).partial
    assert len(check(root, splits=("val",)).faults) == 1


def test_the_report_is_json(write_sequences: WriteSequences) -> None:
    root = write_sequences({"00": 1})
    shutil.rmtree(root / "sequences/00/labels")
    record = json.loads(check(root).model_dump_json())
    assert record["ok"] is False
    assert set(record["faults"][0]) == {"file", "found", "expected", "remedy"}


def test_a_missing_set_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(HarnessError, match="nowhere"):
        check(tmp_path / "nowhere")


def test_workers_do_not_change_the_report(write_sequences: WriteSequences) -> None:
    root = write_sequences({"00": 9, "08": 2})
    (root / "sequences/00/velodyne/000004.bin").write_bytes(bytes(9))
    assert check(root, workers=2) == check(root)
