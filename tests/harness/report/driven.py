"""Results whose scores have stretches of road, as evaluation writes them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from harness.evaluate.scoring import iou_of_sums, miou_of_sums
from harness.spec import BandScore, CellResult, Stretch

RULE = "semantickitti-official"
CLASSES = ("car", "person")


def stretch(place: int, correct: Sequence[int], points: int = 1000, sequence: str = "08") -> Stretch:
    """A stretch with as many points of each class, predicted as often."""
    return Stretch(
        sequence=sequence,
        first=f"{sequence}/{100 * place:06d}",
        scans=100,
        correct=tuple(map(int, correct)),
        predicted=(points,) * len(CLASSES),
        true=(points,) * len(CLASSES),
    )


def driven(result: CellResult, stretches: Sequence[Stretch]) -> CellResult:
    """Give a result the stretches, and the scores that follow from them; the bands are made up."""
    assert result.score is not None
    sums = np.array([[part.correct, part.predicted, part.true] for part in stretches]).sum(axis=0)
    iou = dict(zip(CLASSES, iou_of_sums(RULE, *sums).tolist(), strict=True))
    miou = float(miou_of_sums(RULE, *sums))
    bands = [
        BandScore(above_m=low, below_m=high, points=9, miou=max(miou - low / 100, 0) if low < 30 else None, iou=iou)
        for low, high in ((1e-8, 10.0), (10.0, 20.0), (40.0, 50.0))
    ]
    confusion = np.diag([0, *sums[0]]).tolist()
    changes = {
        "miou": miou,
        "iou": iou,
        "confusion": confusion,
        "stretches": tuple(stretches),
        "by_distance": tuple(bands),
    }
    return result.model_copy(update={"score": result.score.model_copy(update=changes)})


def noisy_road(rng: np.random.Generator, stretches: int, seed_noise: float, gain: float = 0.0) -> list[Stretch]:
    """A road on which a seed is as good as it is lucky: correct points of 1000, about 600."""
    hard = np.random.default_rng(0).normal(0, 60, stretches)  # the same for all
    lucky = rng.normal(0, seed_noise)
    return [
        stretch(place, np.clip(600 + gain + lucky + hard[place] + rng.normal(0, 10, 2), 0, 1000))
        for place in range(stretches)
    ]
