"""What the predictions of a cell scored: by class, by distance, by stretch of road."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from harness.spec.cell import TtaSpec
from harness.spec.strict import Strict

Share = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=0, lt=2**53)]
"""Of points: what a double still holds exactly, far more than any data set has."""


class BandScore(Strict):
    """Accuracy on the points of one band of distances, by the rule of the whole score."""

    above_m: float = Field(description="the band's points are farther from the sensor than this")
    below_m: float = Field(description="and nearer than this: a point on a border is in no band")
    points: Count = Field(description="scored points in the band, all scans together")
    miou: Share | None = Field(description="None where the rule finds no class to average")
    iou: dict[str, Share | None] = Field(description="by class name; None for a class that the rule leaves out")


class Stretch(Strict):
    """Consecutive scans of one sequence, summed: what statistics take for one draw of the road.

    Neighbouring scans show the same place, so a single scan is no independent one. The IoU of any official rule follows
    from the three counts of a class.
    """

    sequence: str
    first: str = Field(description="id of its first scan")
    scans: int = Field(ge=1)
    correct: tuple[Count, ...] = Field(description="points of each class 1..C that were predicted as such")
    predicted: tuple[Count, ...] = Field(description="scored points that were predicted as each class 1..C")
    true: tuple[Count, ...] = Field(description="points of each class 1..C")

    @model_validator(mode="after")
    def _counts_fit(self) -> Stretch:
        if not len(self.correct) == len(self.predicted) == len(self.true):
            raise ValueError("correct, predicted and true must have one count for each class")
        if any(c > min(p, t) for c, p, t in zip(self.correct, self.predicted, self.true, strict=True)):
            raise ValueError("more points of a class are correct than were predicted as it, or than there are")
        return self


class ScoreResult(Strict):
    """Accuracy on the evaluation split, by the official rule."""

    miou: Share
    accuracy: Share | None = Field(description="over scored points; None where the rule has none")
    fwiou: Share | None = Field(default=None, description="weighted by points; None where the rule has none")
    iou: dict[str, Share | None] = Field(description="by class name; None for a class that the rule leaves out")
    confusion: list[list[Count]] = Field(description="rows predicted, columns ground truth, id 0 first")
    by_distance: tuple[BandScore, ...] = Field(default=(), description="none in a result of a version before 0.6")
    stretches: tuple[Stretch, ...] = Field(default=(), description="none in a result of a version before 0.6")

    @model_validator(mode="after")
    def _parts_fit(self) -> ScoreResult:
        """Hold the counts of the stretches against those of the whole."""
        if any(len(row) != len(self.confusion) for row in self.confusion):
            raise ValueError("confusion must be a square")
        if self.confusion and self.stretches:
            diagonal = [row[number] for number, row in enumerate(self.confusion)][1:]
            if any(len(stretch.correct) != len(diagonal) for stretch in self.stretches):
                raise ValueError(f"stretches must have counts of the {len(diagonal)} classes that confusion has")
            if diagonal != [sum(counts) for counts in zip(*(s.correct for s in self.stretches), strict=True)]:
                raise ValueError("stretches and confusion must have the same number of correct points in each class")
        return self


class TtaResult(Strict):
    """Accuracy with test-time augmentation: softmax summed over the views. Its cost is that of all views."""

    settings: TtaSpec
    views: int
    score: ScoreResult
