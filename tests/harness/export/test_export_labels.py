from pathlib import Path

import numpy as np
import pytest

from harness.data.labels import SEMANTICKITTI
from harness.data.predictions import prediction_name
from harness.data.semantickitti import SemanticKitti
from harness.errors import HarnessError
from harness.export.labels import encode_labels, expected_points, write_labels


def test_a_prediction_is_written_where_the_leaderboard_looks(tmp_path: Path) -> None:
    train = np.arange(1, 20)
    path = write_labels(tmp_path, "11/000004", train, SEMANTICKITTI)
    assert path == tmp_path / "sequences/11/predictions/000004.label"
    words = np.frombuffer(path.read_bytes(), dtype="<u4")
    assert [SEMANTICKITTI.raw_to_train[word] for word in words.tolist()] == train.tolist()


def test_bytes_are_little_endian_raw_ids() -> None:
    assert encode_labels(np.array([1, 19, 5]), SEMANTICKITTI, "scan") == bytes([10, 0, 0, 0, 81, 0, 0, 0, 20, 0, 0, 0])


@pytest.mark.parametrize("train", [np.array([1, 0]), np.array([20]), np.array([-1]), np.ones(3), np.ones((2, 2), int)])
def test_what_is_no_prediction_is_refused(train: np.ndarray, tmp_path: Path) -> None:
    with pytest.raises(HarnessError):
        write_labels(tmp_path, "11/000000", train, SEMANTICKITTI)
    assert not list(tmp_path.rglob("*.label"))


@pytest.mark.parametrize("scan_id", ["11/../4", "../000004", "11/4", "99/000000"])
def test_a_scan_id_cannot_leave_the_folder(scan_id: str) -> None:
    with pytest.raises(HarnessError):
        prediction_name(scan_id)


def test_expected_points_come_from_the_scans(write_sequences) -> None:
    scans = {"11/000000": 5, "13/000002": 1, "21/000000": 130}
    assert expected_points(SemanticKitti(write_sequences(scans, declared=False), partial=True), "test") == scans


@pytest.mark.parametrize("size", [0, 17])
def test_a_damaged_scan_has_no_number_of_points(write_sequences, size: int) -> None:
    dataset = SemanticKitti(write_sequences({"11/000000": 5}, declared=False), partial=True)
    dataset.points_path("11/000000").write_bytes(bytes(size))
    with pytest.raises(HarnessError, match=f"{size} bytes"):
        expected_points(dataset, "test")
