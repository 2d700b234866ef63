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
    scored = counts.copy()
    scored[:, 0] = 0
    tp = np.diag(scored)
    fp = scored.sum(axis=1) - tp
    fn = scored.sum(axis=0) - tp
    iou = tp[1:] / (tp + fp + fn + 1e-15)[1:]
    accuracy = tp.sum() / (tp[1:].sum() + fp[1:].sum() + 1e-15)
    return Scores(SEMANTICKITTI_RULE, float(iou.mean()), tuple(iou.tolist()), counts, accuracy=float(accuracy))


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
    scored = counts.copy()
    scored[:, 0] = 0
    tp, true, predicted = np.diag(scored), scored.sum(axis=0), scored.sum(axis=1)
    union = (true + predicted - tp).astype(np.float32)
    iou = np.full(len(tp), np.nan)
    np.divide(tp, union, out=iou, where=union > 0)
    if not scored.any():
        return Scores(NUSCENES_RULE, float("nan"), tuple(iou[1:].tolist()), counts, fwiou=float("nan"))
    fwiou = np.nansum(true * iou) / scored.sum()
    return Scores(NUSCENES_RULE, float(np.nanmean(iou)), tuple(iou[1:].tolist()), counts, fwiou=float(fwiou))


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
