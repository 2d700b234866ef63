"""Archives of the multi-scan task: moving ids, and labels of the current scans only."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from official_validator import official_validator_accepts

from harness.data.labels import SEMANTICKITTI, SEMANTICKITTI_MULTISCAN
from harness.data.multiscan import SemanticKittiMultiScan
from harness.errors import HarnessError
from harness.export.check import Finding, check_submission
from harness.export.labels import expected_points, write_labels
from harness.export.semantickitti import Description, write_submission

SCANS = {f"{sequence}/{frame:06d}": 30 + sequence + frame for sequence in range(11, 22) for frame in range(3)}
Predictions = list[tuple[str, np.ndarray]]


@pytest.fixture
def dataset(write_sequences: Callable[..., Path]) -> SemanticKittiMultiScan:
    """Three scans of each sequence of the test split."""
    return SemanticKittiMultiScan(write_sequences(SCANS, declared=False), partial=True)


@pytest.fixture
def predictions(dataset: SemanticKittiMultiScan) -> Predictions:
    """Random classes for the points of each scan that are asked for."""
    draw, predicted = np.random.default_rng(3), []
    for scan_id in dataset.scan_ids("test"):
        scan = dataset.read(scan_id)
        assert scan.asked is not None
        predicted.append((scan_id, draw.integers(1, 26, len(scan))[scan.asked]))
    return predicted


def test_only_labels_of_the_current_scans_are_expected(dataset: SemanticKittiMultiScan) -> None:
    assert expected_points(dataset, "test") == SCANS
    assert len(dataset.read("11/000002")) == SCANS["11/000000"] + SCANS["11/000001"] + SCANS["11/000002"]


def test_a_rehearsal_from_random_predictions(
    tmp_path: Path, dataset: SemanticKittiMultiScan, predictions: Predictions
) -> None:
    expected, label_map = expected_points(dataset, "test"), dataset.label_map
    out = write_submission(predictions, tmp_path / "multi.zip", expected, label_map, Description("random")).path
    assert official_validator_accepts(out, dataset.root)
    assert [finding.level for finding in check_submission(out, expected, label_map, rehearsal=True)] == ["warning"]
    written: set[int] = set()
    with zipfile.ZipFile(out) as archive:
        for scan_id, train in predictions:
            sequence, frame = scan_id.split("/")
            words = np.frombuffer(archive.read(f"sequences/{sequence}/predictions/{frame}.label"), dtype="<u4").tolist()
            assert [SEMANTICKITTI_MULTISCAN.raw_to_train[word] for word in words] == train.tolist()
            written |= set(words)
    assert {252, 253, 254, 255, 258, 259} < written
    assert not written & {0, 256, 257}


def test_all_points_that_the_network_reads_are_too_many(tmp_path: Path, dataset: SemanticKittiMultiScan) -> None:
    all_points = [(scan_id, np.ones(len(dataset.read(scan_id)), int)) for scan_id in SCANS]
    with pytest.raises(HarnessError, match="scan 11/000001: found 83 labels; expected 42, one per point"):
        write_submission(all_points, tmp_path / "a.zip", SCANS, dataset.label_map)


def test_moving_classes_are_refused_by_the_single_scan_task(tmp_path: Path, predictions: Predictions) -> None:
    with pytest.raises(HarnessError, match="ids 1 to 19 of semantickitti"):
        write_submission(predictions, tmp_path / "a.zip", SCANS, SEMANTICKITTI)
    with pytest.raises(HarnessError, match="train ids 26; expected ids 1 to 25"):
        write_labels(tmp_path, "11/000000", np.array([26]), SEMANTICKITTI_MULTISCAN)
    out = write_submission(predictions, tmp_path / "multi.zip", SCANS, SEMANTICKITTI_MULTISCAN).path
    errors = [finding for finding in check_submission(out, SCANS, SEMANTICKITTI, True) if finding.level == "error"]
    assert len(errors) == len(SCANS)
    assert all("belong to the multi-scan task" in finding.message for finding in errors)


def test_an_archive_without_moving_classes_looks_like_the_other_task(tmp_path: Path, predictions: Predictions) -> None:
    standing = [(scan_id, np.minimum(train, 19)) for scan_id, train in predictions]
    out = write_submission(standing, tmp_path / "single.zip", SCANS, SEMANTICKITTI).path
    message = "no point of any scan is predicted as moving: this looks like an archive of the single-scan task"
    findings = check_submission(out, SCANS, SEMANTICKITTI_MULTISCAN, rehearsal=True)
    assert findings[1:] == [Finding("warning", "scans", message)]
    assert len(check_submission(out, SCANS, SEMANTICKITTI, rehearsal=True)) == 1

    standing[-1] = (standing[-1][0], np.full_like(standing[-1][1], 24))
    out = write_submission(standing, tmp_path / "one.zip", SCANS, SEMANTICKITTI_MULTISCAN).path
    assert len(check_submission(out, SCANS, SEMANTICKITTI_MULTISCAN, rehearsal=True)) == 1


@pytest.mark.parametrize("raw", [0, 256, 257, 13, 60, 251])
def test_ids_that_are_only_read_are_never_written(tmp_path: Path, predictions: Predictions, raw: int) -> None:
    out = write_submission(predictions, tmp_path / "multi.zip", SCANS, SEMANTICKITTI_MULTISCAN).path
    label, changed = "sequences/11/predictions/000000.label", tmp_path / "changed.zip"
    with zipfile.ZipFile(out) as source, zipfile.ZipFile(changed, "w") as target:
        for entry in source.infolist():
            words = np.full(SCANS["11/000000"], raw, "<u4") if entry.filename == label else None
            target.writestr(entry, source.read(entry) if words is None else words.tobytes())
    findings = check_submission(changed, SCANS, SEMANTICKITTI_MULTISCAN, rehearsal=True)
    [error] = [finding for finding in findings if finding.level == "error"]
    assert error.where == label
    assert error.message.startswith(f"ids {raw} (41 points) are none of the scored raw ids")
