"""The official scoring rules: pure functions of a confusion matrix, each with the name that its results carry.

The same predictions score 54.2 by one rule and 68.7 by the other when four classes are absent, so each data set is
scored by its own rule, to the last bit of its official script. The matrix is always [predicted, true], id 0 first.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from harness.spec import ScoringRule

SEMANTICKITTI_RULE: ScoringRule = "semantickitti-official"
NUSCENES_RULE: ScoringRule = "nuscenes-official"


@dataclass(frozen=True, eq=False)
class Scores:
    """What an official rule says of a confusion matrix of C scored classes.

    Attributes:
        rule: name of the rule.
        miou: mean IoU in 0–1; NaN when the rule finds no class to average.
        iou: [C] IoU of the class ids 1..C in 0–1; NaN where the rule leaves an absent class out.
        confusion: [C + 1, C + 1] int64, rows predicted, columns ground truth, as counted.
        accuracy: share of right points in 0–1, as the SemanticKITTI script prints it; None by another rule.
        fwiou: IoU weighted by the true points of each class, as the nuScenes devkit has it; None by another rule.
    """

    rule: ScoringRule
    miou: float
    iou: tuple[float, ...]
    confusion: NDArray[np.int64]
    accuracy: float | None = None
    fwiou: float | None = None


def official_scores(rule: ScoringRule, confusion: ArrayLike) -> Scores:
    """Score by an official rule; see `semantickitti_scores` and `nuscenes_scores`."""
    return RULES[rule](confusion)


def iou_of_sums(rule: ScoringRule, correct: ArrayLike, predicted: ArrayLike, true: ArrayLike) -> NDArray[np.float64]:
    """Return the IoU of each scored class, from three sums of points; the points of ignored ground truth in none.

    Args:
        rule: by which data set's script.
        correct: [..., C] int64, points of each class 1..C that were predicted as such.
        predicted: [..., C] int64, points that were predicted as each class.
        true: [..., C] int64, points of each class, those predicted as 0 among them.

    Returns:
        [..., C] in 0–1; NaN where the rule leaves an absent class out.
    """
    right, guessed, there = (np.ascontiguousarray(sums, dtype=np.int64) for sums in (correct, predicted, true))
    union = guessed + there - right
    if rule == SEMANTICKITTI_RULE:
        share: NDArray[np.float64] = right / (union + 1e-15)
        return share
    iou = np.full(right.shape, np.nan)
    np.divide(right, union.astype(np.float32), out=iou, where=union > 0)
    return iou


def miou_of_sums(rule: ScoringRule, correct: ArrayLike, predicted: ArrayLike, true: ArrayLike) -> NDArray[np.float64]:
    """Return the mean of `iou_of_sums` by the rule: [...] in 0–1, NaN where it finds no class to average."""
    return _mean(rule, iou_of_sums(rule, correct, predicted, true))


def _mean(rule: ScoringRule, iou: NDArray[np.float64]) -> NDArray[np.float64]:
    if rule == SEMANTICKITTI_RULE:
        return np.asarray(iou.mean(axis=-1))
    # The devkit averages over its ignored id too, a NaN in front: in other places, sums round otherwise.
    left_out = np.isnan(iou)
    padded = np.zeros((*iou.shape[:-1], iou.shape[-1] + 1))
    padded[..., 1:] = np.where(left_out, 0.0, iou)
    averaged = (~left_out).sum(axis=-1)
    mean = np.full(averaged.shape, np.nan)
    np.divide(padded.sum(axis=-1), averaged, out=mean, where=averaged > 0)
    return mean


def semantickitti_scores(confusion: ArrayLike) -> Scores:
    """Score by SemanticKITTI's `evaluate_semantics.py`, bit for bit.

    The column of the ignored id is zeroed; IoU = tp / (tp + fp + fn + 1e-15); an absent class scores 0 and is averaged.
    A point of a scored class that is predicted as 0 is a false negative. It is missing from the accuracy, which the
    official script divides by the points *predicted* as a scored class: Σ tp / (Σ (tp + fp) + 1e-15).

    Args:
        confusion: [C + 1, C + 1] counts, rows predicted, columns ground truth, id 0 ignored; a tensor only on the CPU.

    Raises:
        ValueError: not a square matrix of counts.
    """
    counts = _counts(confusion)
    correct, predicted, true = class_sums(counts)
    iou = iou_of_sums(SEMANTICKITTI_RULE, correct, predicted, true)
    accuracy = float(correct.sum() / (predicted.sum() + 1e-15))
    return Scores(SEMANTICKITTI_RULE, float(_mean(SEMANTICKITTI_RULE, iou)), tuple(iou.tolist()), counts, accuracy)


def nuscenes_scores(confusion: ArrayLike) -> Scores:
    """Score by the nuScenes devkit's lidarseg `ConfusionMatrix`, bit for bit.

    Row and column of the ignored id are zeroed; an absent class is NaN and left out of the mean. The devkit divides by
    the union rounded to float32, and so does this.

    Args:
        confusion: [C + 1, C + 1] counts, rows predicted, columns ground truth, id 0 ignored; a tensor only on the CPU.

    Raises:
        ValueError: not a square matrix of counts, or points predicted as 0, which the devkit refuses.
    """
    counts = _counts(confusion)
    if counts[0].any():
        raise ValueError(
            f"{counts[0].sum()} points are predicted as the ignored id 0, which the nuScenes devkit refuses"
        )
    correct, predicted, true = class_sums(counts)
    iou = iou_of_sums(NUSCENES_RULE, correct, predicted, true)
    # As in `_mean`: the devkit sums over the ignored id too.
    weighted = np.concatenate(([0.0], np.where(np.isnan(iou), 0.0, true * iou)))
    fwiou = float(weighted.sum() / true.sum()) if true.any() else float("nan")
    return Scores(NUSCENES_RULE, float(_mean(NUSCENES_RULE, iou)), tuple(iou.tolist()), counts, fwiou=fwiou)


def class_sums(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return what `iou_of_sums` needs: [3, ..., C] correct, predicted, true, of confusions [..., C + 1, C + 1]."""
    return np.stack(
        (
            np.diagonal(counts, axis1=-2, axis2=-1)[..., 1:],
            counts[..., 1:, 1:].sum(axis=-1),
            counts[..., :, 1:].sum(axis=-2),
        )
    )


RULES: dict[ScoringRule, Callable[[ArrayLike], Scores]] = {
    SEMANTICKITTI_RULE: semantickitti_scores,
    NUSCENES_RULE: nuscenes_scores,
}
"""The official rules by name."""


def _counts(confusion: ArrayLike) -> NDArray[np.int64]:
    counts = np.asarray(confusion)
    if counts.ndim != 2 or counts.shape[0] != counts.shape[1] or len(counts) < 2:
        raise ValueError(f"a confusion matrix is square with at least one scored class, not {counts.shape}")
    if not np.issubdtype(counts.dtype, np.integer) or (counts < 0).any():
        raise ValueError("a confusion matrix holds counts: integers, none below 0")
    return counts.astype(np.int64)
