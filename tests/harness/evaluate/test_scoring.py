"""The references below are written from the rules' text, with plain loops over whole points or counts."""

import math
import struct

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from harness.evaluate.scoring import (
    NUSCENES_RULE,
    SEMANTICKITTI_RULE,
    class_sums,
    iou_of_sums,
    miou_of_sums,
    nuscenes_scores,
    semantickitti_scores,
)

Counts = NDArray[np.int64]


def matrices(largest: int) -> st.SearchStrategy[Counts]:
    cells = st.one_of(st.just(0), st.integers(0, largest))
    return st.integers(2, 27).flatmap(lambda n: hnp.arrays(np.int64, (n, n), elements=cells))


def tallies(counts: Counts, ignore_predicted: bool) -> list[tuple[int, int, int]]:
    """tp, fp and fn of every id, by walking over every pair."""
    ids = len(counts)
    result = []
    for c in range(ids):
        tp = fp = fn = 0
        for predicted in range(ids):
            for true in range(ids):
                points = int(counts[predicted][true])
                if true == 0 or (ignore_predicted and predicted == 0):
                    continue
                tp += points if predicted == c and true == c else 0
                fp += points if predicted == c and true != c else 0
                fn += points if predicted != c and true == c else 0
        result.append((tp, fp, fn))
    return result


def same_bits(a: float, b: float) -> bool:
    return struct.pack("<d", a) == struct.pack("<d", b)


@given(matrices(10**9))
def test_semantickitti_equals_the_loop_bit_for_bit(counts: Counts) -> None:
    scores = semantickitti_scores(counts)
    scored = tallies(counts, ignore_predicted=False)[1:]
    iou = [tp / (tp + fp + fn + 1e-15) for tp, fp, fn in scored]
    assert all(same_bits(a, b) for a, b in zip(scores.iou, iou, strict=True))
    assert same_bits(scores.miou, float(np.array(iou).mean()))
    right, predicted = sum(tp for tp, _, _ in scored), sum(tp + fp for tp, fp, _ in scored)
    assert scores.accuracy is not None
    assert same_bits(scores.accuracy, right / (predicted + 1e-15))
    assert scores.rule == "semantickitti-official"


@given(matrices(10**9))
def test_nuscenes_equals_the_loop_bit_for_bit(counts: Counts) -> None:
    """The devkit's mean runs over its ignored id, too, so that the sum has one more number in front."""
    counts[0] = 0
    scores = nuscenes_scores(counts)
    scored = tallies(counts, ignore_predicted=True)[1:]
    iou = [tp / float(np.float32(tp + fp + fn)) if tp + fp + fn else math.nan for tp, fp, fn in scored]
    assert all(same_bits(a, b) or (math.isnan(a) and math.isnan(b)) for a, b in zip(scores.iou, iou, strict=True))
    total = sum(tp + fn for tp, _, fn in scored)
    assert scores.fwiou is not None
    if all(map(math.isnan, iou)):
        assert math.isnan(scores.miou)
    else:
        assert same_bits(scores.miou, float(np.nanmean([math.nan, *iou])))
    if total:
        weighted = [math.nan, *((tp + fn) * value for (tp, _, fn), value in zip(scored, iou, strict=True))]
        assert same_bits(scores.fwiou, float(np.nansum(weighted) / total))
    else:
        assert math.isnan(scores.fwiou)
    assert scores.rule == "nuscenes-official"


@settings(max_examples=25)
@given(st.integers(1, 3).flatmap(lambda n: hnp.arrays(np.int64, (n, 2, 20, 20), elements=st.integers(0, 10**6))))
def test_sums_of_many_say_what_each_matrix_says(counts: Counts) -> None:
    counts[:, :, 0] = 0
    counts[0, 0] = 0
    counts[:, :, :, 5] *= counts[:, :, :, 5] % 2
    for rule, official in ((SEMANTICKITTI_RULE, semantickitti_scores), (NUSCENES_RULE, nuscenes_scores)):
        sums = class_sums(counts)
        iou, miou = iou_of_sums(rule, *sums), miou_of_sums(rule, *sums)
        strided = miou_of_sums(rule, *(np.asfortranarray(part) for part in sums))
        for place in np.ndindex(counts.shape[:2]):
            alone = official(counts[place])
            np.testing.assert_array_equal(iou[place], alone.iou)
            np.testing.assert_array_equal([miou[place], strided[place]], [alone.miou] * 2)


def test_absent_classes_are_averaged_by_one_rule_and_left_out_by_the_other() -> None:
    counts = np.zeros((5, 5), dtype=np.int64)
    counts[1, 1], counts[2, 2], counts[1, 2] = 6, 2, 2
    assert semantickitti_scores(counts).miou == pytest.approx((6 / 8 + 2 / 4) / 4)
    assert nuscenes_scores(counts).miou == pytest.approx((6 / 8 + 2 / 4) / 2)


def test_a_prediction_on_an_ignored_point_counts_nowhere() -> None:
    counts = np.diag([0, 3, 3])
    ghost = counts.copy()
    ghost[1, 0] = ghost[2, 0] = 1000
    for rule in (semantickitti_scores, nuscenes_scores):
        assert rule(ghost).iou == rule(counts).iou == pytest.approx((1.0, 1.0))


def test_predicting_the_ignored_id_is_a_false_negative() -> None:
    counts = np.array([[0, 4, 0], [0, 4, 0], [0, 0, 2]])
    scores = semantickitti_scores(counts)
    assert scores.iou == pytest.approx((0.5, 1.0))
    assert scores.accuracy == pytest.approx(1.0), "the official accuracy divides by points predicted as a scored class"
    with pytest.raises(ValueError, match="4 points are predicted as the ignored id 0"):
        nuscenes_scores(counts)


def test_a_set_of_ignored_points_scores_zero_or_nan() -> None:
    counts = np.array([[7, 0, 0], [5, 0, 0], [0, 0, 0]])
    assert semantickitti_scores(counts).miou == 0.0
    assert semantickitti_scores(counts).accuracy == 0.0
    counts[0] = 0
    assert math.isnan(nuscenes_scores(counts).miou)


def test_a_tensor_is_taken_and_kept_as_counted() -> None:
    counts = torch.tensor([[1, 2], [3, 4]])
    assert semantickitti_scores(counts).confusion.tolist() == counts.tolist()


@pytest.mark.parametrize("counts", [np.ones((2, 3), int), np.ones((1, 1), int), np.ones((2, 2)), -np.eye(3, dtype=int)])
def test_what_is_no_confusion_matrix_is_refused(counts: NDArray[np.int64]) -> None:
    with pytest.raises(ValueError, match="confusion matrix"):
        semantickitti_scores(counts)
