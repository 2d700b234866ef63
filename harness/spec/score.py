"""What the predictions of a cell scored: by class, by distance, by stretch of road."""

from __future__ import annotations

from pydantic import Field

from harness.spec.cell import TtaSpec
from harness.spec.strict import Strict


class BandScore(Strict):
    """Accuracy on the points of one band of distances, by the rule of the whole score."""

    above_m: float = Field(description="the band's points are farther from the sensor than this")
    up_to_m: float = Field(description="and no farther than this")
    points: int = Field(description="scored points in the band, all scans together")
    miou: float | None = Field(description="0–1; None where the rule finds no class to average")
    iou: dict[str, float | None] = Field(description="by class name, 0–1; None for a class that the rule leaves out")


class Stretch(Strict):
    """Consecutive scans of one sequence, summed: what statistics take for one draw of the road.

    Neighbouring scans show the same place, so a single scan is no independent one. The IoU of any official rule follows
    from the three counts of a class.
    """

    sequence: str
    first: str = Field(description="id of its first scan")
    scans: int = Field(ge=1)
    correct: tuple[int, ...] = Field(description="points of each class 1..C that were predicted as such")
    predicted: tuple[int, ...] = Field(description="scored points that were predicted as each class 1..C")
    true: tuple[int, ...] = Field(description="points of each class 1..C")


class ScoreResult(Strict):
    """Accuracy on the evaluation split, by the official rule."""

    miou: float = Field(description="0–1")
    accuracy: float | None = Field(description="0–1, over scored points; None where the rule has none")
    fwiou: float | None = Field(default=None, description="0–1, weighted by points; None where the rule has none")
    iou: dict[str, float | None] = Field(description="by class name, 0–1; None for a class that the rule leaves out")
    confusion: list[list[int]] = Field(description="rows predicted, columns ground truth, id 0 first")
    by_distance: tuple[BandScore, ...] = Field(default=(), description="none in a result of a version before 0.6")
    stretches: tuple[Stretch, ...] = Field(default=(), description="none in a result of a version before 0.6")


class TtaResult(Strict):
    """Accuracy with test-time augmentation: softmax summed over the views. Its cost is that of all views."""

    settings: TtaSpec
    views: int
    score: ScoreResult
