import os
from pathlib import Path

import numpy as np
import pytest

from harness.data.labels import SEMANTICKITTI
from harness.data.semantickitti import SemanticKitti
from harness.errors import HarnessError
from harness.evaluate.predictions import evaluate_predictions
from harness.evaluate.scoring import semantickitti_scores

SCANS = {"08/000000": 301, "08/000002": 50, "08/000003": 1}


@pytest.fixture
def dataset(write_sequences) -> SemanticKitti:
    every_id = sorted(SEMANTICKITTI.raw_to_train)
    return SemanticKitti(write_sequences(SCANS, declared=False, raw_ids=every_id), partial=True)


@pytest.fixture
def predictions(tmp_path: Path, dataset: SemanticKitti) -> Path:
    """Every raw id, the ignored ones too, with instances on some."""
    draw, folder = np.random.default_rng(1), tmp_path / "predicted"
    raw = np.array(sorted(SEMANTICKITTI.raw_to_train), dtype=np.uint32)
    for scan_id, points in SCANS.items():
        words = np.where(draw.random(points) < 0.5, read(dataset.labels_path(scan_id)), draw.choice(raw, points))
        file = path_of(folder, scan_id)
        file.parent.mkdir(parents=True, exist_ok=True)
        words.astype("<u4").tofile(file)
    return folder


def read(path: Path) -> np.ndarray:
    return np.frombuffer(path.read_bytes(), dtype="<u4")


def path_of(folder: Path, scan_id: str) -> Path:
    sequence, frame = scan_id.split("/")
    return folder / "sequences" / sequence / "predictions" / f"{frame}.label"


def test_scores_equal_a_loop_over_points(dataset: SemanticKitti, predictions: Path) -> None:
    counts = [[0] * 20 for _ in range(20)]
    for scan_id in SCANS:
        true, predicted = read(dataset.labels_path(scan_id)), read(path_of(predictions, scan_id))
        for p, t in zip(predicted.tolist(), true.tolist(), strict=True):
            counts[SEMANTICKITTI.raw_to_train[p % 65536]][SEMANTICKITTI.raw_to_train[t % 65536]] += 1
    steps: list[tuple[int, int]] = []
    scores = evaluate_predictions(predictions, dataset, "val", lambda done, total: steps.append((done, total)))
    assert scores.confusion.tolist() == counts
    assert scores.iou == semantickitti_scores(counts).iou
    assert steps == [(1, 3), (2, 3), (3, 3)]


def test_perfect_predictions_and_any_number_of_workers(dataset: SemanticKitti, predictions: Path) -> None:
    for scan_id in SCANS:
        path_of(predictions, scan_id).write_bytes(dataset.labels_path(scan_id).read_bytes())
    one, four = (evaluate_predictions(predictions, dataset, "val", workers=n) for n in (1, 4))
    assert one.iou == pytest.approx([1.0] * 19)
    assert one.confusion.tolist() == four.confusion.tolist()


def test_missing_file(dataset: SemanticKitti, predictions: Path) -> None:
    path_of(predictions, "08/000002").unlink()
    with pytest.raises(HarnessError, match=r"000002\.label.*1 of 3 predictions are missing"):
        evaluate_predictions(predictions, dataset, "val")


def test_missing_folder(dataset: SemanticKitti, tmp_path: Path) -> None:
    with pytest.raises(HarnessError, match="3 of 3 predictions are missing"):
        evaluate_predictions(tmp_path / "nowhere", dataset, "val")


@pytest.mark.parametrize("name", ["000001.label", "notes.txt", "000000.label.bak"])
def test_stray_file(dataset: SemanticKitti, predictions: Path, name: str) -> None:
    (predictions / "sequences/08/predictions" / name).write_bytes(b"")
    with pytest.raises(HarnessError, match=f"1 files that belong to no scan.*{name}"):
        evaluate_predictions(predictions, dataset, "val")


@pytest.mark.parametrize("change", [-4, -1, 4])
def test_wrong_size(dataset: SemanticKitti, predictions: Path, change: int) -> None:
    file = path_of(predictions, "08/000000")
    data = file.read_bytes()
    file.write_bytes(data[:change] if change < 0 else data + bytes(change))
    with pytest.raises(HarnessError, match=rf"000000\.label: found {1204 + change} bytes.*expected 1204 bytes"):
        evaluate_predictions(predictions, dataset, "val")


def test_unknown_raw_id_in_a_prediction(dataset: SemanticKitti, predictions: Path) -> None:
    np.array([2], dtype="<u4").tofile(path_of(predictions, "08/000003"))
    with pytest.raises(HarnessError, match=r"predictions/000003\.label: found raw ids 2 \(1 points\)"):
        evaluate_predictions(predictions, dataset, "val")


def test_unknown_raw_id_in_the_truth(dataset: SemanticKitti, predictions: Path) -> None:
    np.array([65535], dtype="<u4").tofile(dataset.labels_path("08/000003"))
    with pytest.raises(HarnessError, match=r"labels/000003\.label: found raw ids 65535"):
        evaluate_predictions(predictions, dataset, "val")


def test_missing_truth(dataset: SemanticKitti, predictions: Path) -> None:
    dataset.labels_path("08/000003").unlink()
    with pytest.raises(HarnessError, match=r"labels/000003\.label"):
        evaluate_predictions(predictions, dataset, "val")


@pytest.mark.real
@pytest.mark.skipif("HARNESS_REAL_DATA" not in os.environ, reason="HARNESS_REAL_DATA is not set")
def test_the_truth_of_real_scans_scores_one_for_every_class_it_has(tmp_path: Path) -> None:
    dataset = SemanticKitti(Path(os.environ["HARNESS_REAL_DATA"]) / "semantickitti", partial=True)
    held = set()
    for scan_id in dataset.scan_ids("val"):
        file = path_of(tmp_path, scan_id)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.symlink_to(dataset.labels_path(scan_id))
        held |= set(dataset.read_labels(scan_id).tolist()) - {0}
    scores = evaluate_predictions(tmp_path, dataset, "val")
    assert scores.miou == pytest.approx(len(held) / 19)
    assert scores.accuracy == pytest.approx(1)
