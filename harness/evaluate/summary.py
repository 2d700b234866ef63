"""What the counts of an evaluation say: by class, by distance and by stretch of road, as one record."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from harness.evaluate.distance import BANDS_M
from harness.evaluate.scoring import class_sums, official_scores
from harness.evaluate.stretches import number_or_none, sequence_of, stretch_starts
from harness.spec import BandScore, ScoreResult, ScoringRule, Stretch


def summarise(
    rule: ScoringRule,
    class_names: Sequence[str],
    scan_ids: Sequence[str],
    by_stretch: NDArray[np.int64],
    by_band: NDArray[np.int64] | None,
) -> ScoreResult:
    """Score by an official rule.

    Args:
        rule: of the data set.
        class_names: of the classes 1..C.
        scan_ids: of the evaluation, those of a sequence side by side.
        by_stretch: [stretches, C + 1, C + 1] counts of the stretches that `stretch_starts` makes, rows predicted.
        by_band: [bands, C + 1, C + 1] the same points by distance, those in no band last; None where it was not asked.

    Raises:
        ValueError: the rule finds no class to average.
    """
    whole = official_scores(rule, by_stretch.sum(axis=0))
    if np.isnan(whole.miou):
        raise ValueError(f"not one point of a scored class, and {rule} has no mean of nothing")
    return ScoreResult(
        miou=whole.miou,
        accuracy=whole.accuracy,
        fwiou=whole.fwiou,
        iou=_by_name(class_names, whole.iou),
        confusion=whole.confusion.tolist(),
        by_distance=() if by_band is None else _bands(rule, class_names, by_band),
        stretches=_stretches(scan_ids, by_stretch),
    )


def _bands(rule: ScoringRule, class_names: Sequence[str], counts: NDArray[np.int64]) -> tuple[BandScore, ...]:
    found = []
    for (above_m, below_m), band in zip(BANDS_M, counts, strict=False):
        scores = official_scores(rule, band)
        found.append(
            BandScore(
                above_m=above_m,
                below_m=below_m,
                points=int(band[:, 1:].sum()),
                miou=number_or_none(scores.miou),
                iou=_by_name(class_names, scores.iou),
            )
        )
    return tuple(found)


def _stretches(scan_ids: Sequence[str], counts: NDArray[np.int64]) -> tuple[Stretch, ...]:
    found = []
    ends = pairwise([*stretch_starts(scan_ids), len(scan_ids)])
    for (start, end), sums in zip(ends, class_sums(counts).swapaxes(0, 1).tolist(), strict=True):
        correct, predicted, true = map(tuple, sums)
        first = scan_ids[start]
        sequence = sequence_of(first)
        found.append(
            Stretch(sequence=sequence, first=first, scans=end - start, correct=correct, predicted=predicted, true=true)
        )
    return tuple(found)


def _by_name(class_names: Sequence[str], values: Sequence[float]) -> dict[str, float | None]:
    return dict(zip(class_names, map(number_or_none, values), strict=True))
