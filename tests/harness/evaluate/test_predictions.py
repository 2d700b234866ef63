from __future__ import annotations

import os
import signal
from multiprocessing import active_children
from pathlib import Path

import numpy as np
import pytest

from harness.data.labels import SEMANTICKITTI
from harness.data.semantickitti import SemanticKitti
from harness.errors import HarnessError
from harness.evaluate.forked import map_forked
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
    assert scores.confusion == counts
    assert tuple(scores.iou.values()) == semantickitti_scores(counts).iou
    assert steps[-1] == (3, 3)


def test_perfect_predictions(dataset: SemanticKitti, predictions: Path) -> None:
    for scan_id in SCANS:
        path_of(predictions, scan_id).write_bytes(dataset.labels_path(scan_id).read_bytes())
    assert list(evaluate_predictions(predictions, dataset, "val").iou.values()) == pytest.approx([1.0] * 19)


def test_the_score_does_not_depend_on_the_workers(
    dataset: SemanticKitti, predictions: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harness.evaluate.predictions.MOST_SCANS_AT_ONCE", 1)
    one, three = (evaluate_predictions(predictions, dataset, "val", workers=n, by_distance=True) for n in (1, 3))
    assert one == three
    path_of(predictions, "08/000002").write_bytes(b"")
    with pytest.raises(HarnessError, match=r"000002\.label: found 0 bytes, 0 labels; expected 200 bytes"):
        evaluate_predictions(predictions, dataset, "val", workers=3)
    assert not active_children()


def die(item: int) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_worker_that_is_killed_is_told() -> None:
    with pytest.raises(HarnessError, match="a process that was killed"):
        list(map_forked(die, [1, 2, 3], 2))


def test_scores_by_distance_equal_the_official_script(dataset: SemanticKitti, predictions: Path) -> None:
    """Mask by mask, as `evaluate_semantics_by_distance.py` selects points."""
    scores = evaluate_predictions(predictions, dataset, "val", by_distance=True)
    assert scores == evaluate_predictions(predictions, dataset, "val").model_copy(
        update={"by_distance": scores.by_distance}
    )
    limits = [(1e-8, 10.0), (10.0, 20.0), (20.0, 30.0), (30.0, 40.0), (40.0, 50.0)]
    assert [(band.above_m, band.below_m) for band in scores.by_distance] == limits
    for band, (low, high) in zip(scores.by_distance, limits, strict=True):
        counts = np.zeros((20, 20), dtype=np.int64)
        for scan_id in SCANS:
            points = np.fromfile(dataset.points_path(scan_id), dtype="<f4").reshape(-1, 4)
            depth = np.linalg.norm(points[:, :3], 2, axis=1)
            mask = np.logical_and(depth > low, depth < high)
            files = path_of(predictions, scan_id), dataset.labels_path(scan_id)
            ids = [[SEMANTICKITTI.raw_to_train[i] for i in (read(file)[mask] & 0xFFFF).tolist()] for file in files]
            np.add.at(counts, (ids[0], ids[1]), 1)
        expected = semantickitti_scores(counts)
        assert (band.miou, tuple(band.iou.values())) == (expected.miou, expected.iou)
        assert band.points == counts[:, 1:].sum()


def test_by_distance_the_points_are_what_labels_have_to_fit(dataset: SemanticKitti, predictions: Path) -> None:
    np.ones((51, 4), dtype="<f4").tofile(dataset.points_path("08/000002"))
    with pytest.raises(HarnessError, match=r"labels/000002\.label: found 200 bytes.*the scan's 51 points"):
        evaluate_predictions(predictions, dataset, "val", by_distance=True)


@pytest.mark.parametrize("place", ["prediction", "truth"])
def test_a_named_pipe_is_not_waited_for(dataset: SemanticKitti, predictions: Path, place: str) -> None:
    file = path_of(predictions, "08/000002") if place == "prediction" else dataset.labels_path("08/000002")
    file.unlink()
    os.mkfifo(file)
    with pytest.raises(HarnessError, match=r"000002\.label: found a named pipe"):
        evaluate_predictions(predictions, dataset, "val", workers=1)


def test_a_link_that_leads_nowhere(dataset: SemanticKitti, predictions: Path) -> None:
    path_of(predictions, "08/000002").unlink()
    path_of(predictions, "08/000002").symlink_to("nothing")
    with pytest.raises(HarnessError, match=r"000002\.label: found 'No such file or directory' on reading"):
        evaluate_predictions(predictions, dataset, "val", workers=1)


@pytest.mark.parametrize("level", ["sequences", "sequences/08", "sequences/08/predictions", ".."])
def test_a_wrong_level_is_told_with_the_right_one(dataset: SemanticKitti, predictions: Path, level: str) -> None:
    with pytest.raises(HarnessError, match=rf"3 of 3 predictions are missing.*Did you mean {predictions.resolve()}\?"):
        evaluate_predictions(predictions / level, dataset, "val")


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
    with pytest.raises(HarnessError, match=f"a file that belongs to no scan.*{name}"):
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
    with pytest.raises(HarnessError, match=r"predictions/000003\.label: found raw ids 2 \(1 point\)"):
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
