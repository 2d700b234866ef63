"""Stretches of road: consecutive scans of one sequence, counted together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from math import isnan

import numpy as np
from numpy.typing import NDArray

from harness.evaluate.scoring import iou_of_sums, miou_of_sums
from harness.spec import ScoringRule, Stretch

STRETCH_SCANS = 100
"""Most scans of a stretch: ten seconds of SemanticKITTI; every scene of nuScenes, of about 40 keyframes, is one."""


@dataclass(frozen=True)
class SequenceScore:
    """Accuracy on one sequence or scene, by the rule of the whole score.

    Attributes:
        miou: 0–1; None where the rule finds no class to average.
        iou: by class name, 0–1; None for a class that the rule leaves out.
        scans: of the sequence that were evaluated.
    """

    miou: float | None
    iou: dict[str, float | None]
    scans: int


def sequence_of(scan_id: str) -> str:
    """Return the sequence or scene that a scan is of.

    Example:
        >>> sequence_of("08/000123")
        '08'
    """
    return scan_id.rpartition("/")[0]


def stretch_starts(scan_ids: Sequence[str]) -> list[int]:
    """Cut every sequence into as few stretches of at most `STRETCH_SCANS` scans as there can be.

    The stretches of a sequence are equally long, but for one scan where they can't be. Scans that are missing from a
    copy make none of them longer: those beside the gap are taken for neighbours.

    Args:
        scan_ids: of all evaluated scans, those of a sequence side by side and in the order of driving.

    Returns:
        The place of the first scan of each stretch, ascending.

    Example:
        >>> stretch_starts([f"08/{frame:06d}" for frame in range(250)])
        [0, 84, 167]
    """
    starts, begin = [], 0
    for _, group in groupby(scan_ids, key=sequence_of):
        scans = sum(1 for _ in group)
        pieces = -(-scans // STRETCH_SCANS)
        starts += [begin - (-scans * piece // pieces) for piece in range(pieces)]
        begin += scans
    return starts


def sequence_scores(
    rule: ScoringRule, stretches: Iterable[Stretch], class_names: Sequence[str]
) -> dict[str, SequenceScore]:
    """Score every sequence by an official rule, from the counts of its stretches.

    Args:
        rule: of the whole score.
        stretches: of an evaluation.
        class_names: of the scored classes 1..C, as the keys of `ScoreResult.iou`.

    Returns:
        Scores by sequence, in the order of the stretches.
    """
    sums: dict[str, NDArray[np.int64]] = {}
    scans: dict[str, int] = {}
    for stretch in stretches:
        counts = np.array([stretch.correct, stretch.predicted, stretch.true], dtype=np.int64)
        sums[stretch.sequence] = sums.get(stretch.sequence, 0) + counts
        scans[stretch.sequence] = scans.get(stretch.sequence, 0) + stretch.scans
    return {
        sequence: SequenceScore(
            miou=number_or_none(miou_of_sums(rule, *counts)),
            iou=dict(zip(class_names, map(number_or_none, iou_of_sums(rule, *counts)), strict=True)),
            scans=scans[sequence],
        )
        for sequence, counts in sums.items()
    }


def number_or_none(value: float | np.float64 | NDArray[np.float64]) -> float | None:
    """Return what records hold of a score: None for NaN, by which a rule says that there is none."""
    number = float(value)
    return None if isnan(number) else number
