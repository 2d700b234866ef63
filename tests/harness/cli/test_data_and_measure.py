from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from harness.data.labels import SEMANTICKITTI
from harness.data.semantickitti import SemanticKitti
from harness.export.labels import write_labels


@pytest.fixture
def root(write_sequences) -> Path:
    return write_sequences({"00": 2, "08": 2, "11": 1}, points=300)


def test_check_and_stats(harness, root: Path, tmp_path: Path) -> None:
    manifest = tmp_path / "manifest.txt"
    report = json.loads(harness("data", "check", "--semantickitti", root, "--json", "--manifest", manifest).out)
    assert report["ok"]
    assert report["sequences"]["08"]["scans"] == 2
    assert len(manifest.read_text().splitlines()) == 9
    stats = json.loads(harness("data", "stats", "--semantickitti", root, "--split", "val", "--json").out)
    assert (stats["scans"], stats["points"]) == (2, 603)
    assert "mean" in harness("data", "stats", "--semantickitti", root).out


def test_check_names_every_fault_and_exits_with_2(harness, root: Path) -> None:
    (root / "sequences/00/velodyne/000001.bin").write_bytes(b"123")
    (root / "sequences/08/labels/000000.label").write_bytes(b"1234")
    result = harness("data", "check", "--semantickitti", root)
    assert result.code == 2
    assert "000001.bin: found 3 bytes" in result.err
    assert "000000.label" in result.err
    assert "faults: 2" in result.out


def test_synthesize_makes_a_set_that_passes_its_check_and_a_picture(harness, tmp_path: Path) -> None:
    out = tmp_path / "streets"
    arguments = ("data", "synthesize", "semantickitti", "--out", out, "--scans", 4, "--seed", 3, "--azimuths", 128)
    assert harness(*arguments).code == 0
    assert (out / "birdseye.png").read_bytes().startswith(b"\x89PNG")
    assert harness("data", "check", "--semantickitti", out).code == 0
    again = harness(*arguments)
    assert again.code == 2
    assert "streets" in again.err


def test_evaluate_scores_perfect_and_damaged_predictions(harness, root: Path, tmp_path: Path) -> None:
    dataset, predictions = SemanticKitti(root), tmp_path / "predictions"
    for scan_id in dataset.scan_ids("val"):
        labels = dataset.read(scan_id).labels
        assert labels is not None
        write_labels(predictions, scan_id, labels.clip(min=1), SEMANTICKITTI)
    arguments = ("evaluate", "--predictions", predictions, "--semantickitti", root, "--split", "val")
    scores = json.loads(harness(*arguments, "--json").out)
    present = [name for name, iou in scores["iou"].items() if iou > 0]
    assert scores["miou"] == pytest.approx(len(present) / 19), "absent classes count as 0 by the official rule"
    assert set(scores["iou"]) == set(SEMANTICKITTI.names[1:])
    assert "mIoU" in harness(*arguments).out
    shutil.rmtree(predictions / "sequences/08")
    result = harness(*arguments)
    assert result.code == 2
    assert "predictions are missing" in result.err
