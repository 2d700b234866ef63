"""Scores of the multi-scan task against the arithmetic of the official `evaluate_semantics.py`, read point by point."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from harness.data.labels import SEMANTICKITTI_MULTISCAN
from harness.data.multiscan import SemanticKittiMultiScan
from harness.data.semantickitti import SemanticKitti
from harness.errors import HarnessError
from harness.evaluate.predictions import evaluate_predictions
from harness.export.labels import write_labels

SCANS = {"08/000000": 700, "08/000001": 400, "08/000003": 1}
EVERY_ID = sorted(SEMANTICKITTI_MULTISCAN.raw_to_train)


def words_of(path: Path) -> list[int]:
    return [int(word) for word in np.fromfile(path, dtype="<u4")]


def official(pairs: list[tuple[int, int]]) -> tuple[float, list[float], float]:
    """Mean IoU, IoU of the classes 1 to 25 and accuracy of (predicted, true) raw words; classes absent score 0."""
    moving = {252: 20, 253: 21, 254: 22, 255: 23, 256: 24, 257: 24, 258: 25, 259: 24}
    standing = "10 1 11 2 13 5 15 3 16 5 18 4 20 5 30 6 31 7 32 8 40 9 44 10 48 11 49 12 50 13 51 14 60 9 70 15 71 16"
    numbers = [int(word) for word in f"{standing} 72 17 80 18 81 19".split()]
    train = {**dict(zip(numbers[::2], numbers[1::2], strict=True)), **moving}
    tp, fp, fn = [0] * 26, [0] * 26, [0] * 26
    for predicted, true in pairs:
        p, t = train.get(predicted % 65536, 0), train.get(true % 65536, 0)
        if t == 0:
            continue
        if p == t:
            tp[p] += 1
        else:
            fp[p] += 1
            fn[t] += 1
    iou = [tp[c] / (tp[c] + fp[c] + fn[c] + 1e-15) for c in range(1, 26)]
    return sum(iou) / 25, iou, sum(tp) / (sum(tp[1:]) + sum(fp[1:]) + 1e-15)


@pytest.fixture
def dataset(write_sequences: Callable[..., Path]) -> SemanticKittiMultiScan:
    return SemanticKittiMultiScan(write_sequences(SCANS, declared=False, raw_ids=EVERY_ID), partial=True)


@pytest.mark.parametrize("used", [EVERY_ID, [0, 10, 40, 252, 258], [256]], ids=["all ids", "five ids", "one id"])
def test_scores_are_those_of_the_official_arithmetic(
    tmp_path: Path, dataset: SemanticKittiMultiScan, used: list[int]
) -> None:
    draw, pairs = np.random.default_rng(len(used)), []
    for scan_id, points in SCANS.items():
        true = np.array(words_of(dataset.labels_path(scan_id)), dtype=np.uint32)
        predicted = np.where(draw.random(points) < 0.4, true, draw.choice(np.array(used, dtype=np.uint32), points))
        file = tmp_path / "sequences/08/predictions" / f"{scan_id[3:]}.label"
        file.parent.mkdir(parents=True, exist_ok=True)
        predicted.astype("<u4").tofile(file)
        pairs += list(zip(predicted.tolist(), true.tolist(), strict=True))
    scores = evaluate_predictions(tmp_path, dataset, "val")
    miou, iou, accuracy = official(pairs)
    assert list(scores.iou.values()) == iou
    assert scores.miou == pytest.approx(miou, rel=1e-14)
    assert scores.accuracy == pytest.approx(accuracy, rel=1e-14)
    assert np.array(scores.confusion).shape == (26, 26)


def test_a_moving_car_that_is_called_standing_is_wrong_here_and_right_there(
    tmp_path: Path, dataset: SemanticKittiMultiScan
) -> None:
    for scan_id, points in SCANS.items():
        np.full(points, 252, dtype="<u4").tofile(dataset.labels_path(scan_id))
        write_labels(tmp_path, scan_id, np.ones(points, int), dataset.label_map)
    multi = evaluate_predictions(tmp_path, dataset, "val")
    single = evaluate_predictions(tmp_path, SemanticKitti(dataset.root, partial=True), "val")
    assert (multi.miou, multi.accuracy) == (0.0, 0.0)
    assert (single.iou["car"], single.accuracy) == pytest.approx((1.0, 1.0))


def test_predictions_for_the_past_points_too_are_refused(tmp_path: Path, dataset: SemanticKittiMultiScan) -> None:
    for scan_id in SCANS:
        write_labels(tmp_path, scan_id, np.ones(len(dataset.read(scan_id)), int), dataset.label_map)
    with pytest.raises(HarnessError, match=r"predictions/000001\.label: found 4400 bytes.*expected 1600 bytes"):
        evaluate_predictions(tmp_path, dataset, "val")
