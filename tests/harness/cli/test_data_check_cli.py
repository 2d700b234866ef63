from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from harness.data.street.nuscenes_write import synthesize_nuscenes


@pytest.fixture
def root(write_sequences) -> Path:
    return write_sequences({"00": 3, "08": 2, "11": 1}, points=300)


def test_all_faults_are_listed_for_scripts_with_exit_code_2(harness, root: Path) -> None:
    train = root / "sequences/00"
    (train / "velodyne/000000.bin").write_bytes(b"123")
    (train / "labels/000001.label").unlink()
    os.mkfifo(train / "labels/000001.label")
    (train / "velodyne/000002.bin").unlink()
    (train / "velodyne/000002.bin").symlink_to("000002.bin")
    (train / "poses.txt").write_bytes(b"\x80")
    (root / "sequences/08/velodyne" / os.fsdecode(b"\xff.bin")).touch()
    result = harness("data", "check", "--semantickitti", root, "--json")
    assert result.code == 2
    report = json.loads(result.out)
    assert report["ok"] is False
    assert [Path(fault["file"]).name for fault in report["faults"]] == [
        "000000.bin", "000001.label", "000002.bin", "poses.txt", "velodyne",
    ]  # fmt: skip
    assert all(set(fault) == {"file", "found", "expected", "remedy"} for fault in report["faults"])
    text = harness("data", "check", "--semantickitti", root)
    assert text.code == 2
    assert text.err.count("fault: ") == 5
    assert "Traceback" not in text.err


def test_a_copy_that_cannot_be_opened_has_a_report_for_scripts_and_a_paragraph_for_people(
    harness, root: Path, tmp_path: Path
) -> None:
    for name, content in (("nowhere", None), ("copy", "[" * 100_000)):
        if content is not None:
            (root / "synthetic.json").write_text(content)
        result = harness("data", "check", "--semantickitti", tmp_path / name, "--json")
        report = json.loads(result.out)
        assert (result.code, len(report["faults"]), report["sequences"]) == (2, 1, {})
        assert (report["manifest"], report["manifest_all"]) == (None, None)
    assert "faults: 1; no manifest" in harness("data", "check", "--semantickitti", root).out
    assert "found no such folder" in harness("data", "check", "--semantickitti", tmp_path / "nowhere").err


def test_broken_categories_have_a_report_for_scripts_and_no_points_are_lost(
    harness, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HARNESS_CACHE_DIR", str(tmp_path / "cache"))
    nuscenes = tmp_path / "nuscenes"
    synthesize_nuscenes(nuscenes, scans=3, seed=0, azimuths=60)
    sound = json.loads(harness("data", "check", "--nuscenes", nuscenes, "--json").out)
    (nuscenes / "v1.0-trainval/category.json").write_text("[]")
    result = harness("data", "check", "--nuscenes", nuscenes, "--json")
    report = json.loads(result.out)
    assert (sound["ok"], report["ok"], result.code) == (True, False, 2)
    assert [Path(fault["file"]).name for fault in report["faults"]] == ["category.json"]
    assert report["sequences"] == sound["sequences"]


def test_the_check_shows_bounds_and_notes(harness, root: Path) -> None:
    (root / "sequences/00/labels/000009.label").touch()
    result = harness("data", "check", "--semantickitti", root)
    assert result.code == 0
    assert "note: " in result.out
    assert "1 label files without a scan (000009.label)" in result.out
    line = next(line for line in result.out.splitlines() if line.startswith("11"))
    assert "1 of     1 scans" in line
    assert " x -" in line


def test_many_sequences_are_summed_up_by_split(harness, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.cli.data_check.MOST_LINES", 2)
    lines = harness("data", "check", "--semantickitti", root).out.splitlines()
    assert [line.split()[:6] for line in lines[:3]] == [
        ["all", "train", "3", "of", "3", "scans"],
        ["all", "val", "2", "of", "2", "scans"],
        ["all", "test", "1", "of", "1", "scans"],
    ]
    assert len(lines) == 4


def test_the_multi_scan_task_can_be_checked_and_summed_up(harness, root: Path) -> None:
    arguments = ("--dataset", "semantickitti-multiscan", "--semantickitti", root, "--json")
    assert json.loads(harness("data", "check", *arguments).out)["dataset"] == "semantickitti-multiscan"
    stats = json.loads(harness("data", "stats", *arguments, "--scans", 1, "--workers", 0).out)
    assert (stats["scans"], stats["scans_found"]) == (1, 3)
    assert (stats["points"], stats["asked_points"]) == (303 + 300, 303), "the scan in the middle and the one before it"
    text = harness("data", "stats", *arguments[:-1], "--scans", 1, "--workers", 0).out
    assert "603 points\n  303 points are the scans' own, and the classes are theirs" in text
    assert "scans' own" not in harness("data", "stats", "--semantickitti", root, "--workers", 0).out


def test_stats_are_a_table_json_and_a_picture(harness, root: Path, tmp_path: Path) -> None:
    png = tmp_path / "stats.png"
    result = harness("data", "stats", "--semantickitti", root, "--scans", 2, "--png", png, "--workers", 0)
    assert result.code == 0
    assert "train: 2 of 3 scans, evenly spaced, 606 points" in result.out
    assert "3x3x3 pairs" in result.out
    assert png.read_bytes().startswith(b"\x89PNG")
    stats = json.loads(harness("data", "stats", "--semantickitti", root, "--split", "val", "--json").out)
    assert [level["voxel_size_m"] for level in stats["levels"]] == [0.05, 0.1, 0.2, 0.4, 0.8]
    assert harness("data", "stats", "--semantickitti", root, "--png", tmp_path / "stats.txt").code == 2
