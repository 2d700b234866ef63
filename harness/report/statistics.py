"""From results to statistics: what the seeds of a row scored on which road, and what that says of a gain."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from harness.evaluate.scoring import RULES, miou_of_sums
from harness.spec import CellResult, ScoreResult, ScoringRule
from harness.statistics.paired import Comparison, compare
from harness.statistics.scores import SeedScores, score_seeds
from harness.statistics.spread import Spread, spread

SIGNIFICANT = 0.05

Road = tuple[tuple[str, str, int, tuple[int, ...]], ...]
"""The stretches of an evaluation: sequence, first scan, number of scans and points of each class."""


@dataclass(frozen=True)
class ScoredSeeds:
    """What the seeds of a row scored.

    Attributes:
        seeds: in ascending order.
        scores: in this order.
        road: that all of them drove; None where they don't agree on it, or where it was not recorded (before 0.6). Then
            the statistics are those of the seeds alone, and speak of these scans.
    """

    seeds: tuple[int, ...]
    scores: SeedScores
    road: Road | None


@dataclass(frozen=True)
class Gain:
    """How much better a row is than the student without distillation.

    Attributes:
        delta: difference of mIoU over the seeds that both have, 0–1.
        comparison: paired, over these seeds; None for one seed, which claims nothing.
        p_holm: p-value of the comparison, adjusted for all rows that are compared with the same student.
    """

    delta: Spread
    comparison: Comparison | None = None
    p_holm: float | None = None

    @property
    def distinguishable(self) -> bool | None:
        """Whether it can be told from 0 at the 5 % level; None for one seed."""
        return None if self.p_holm is None else self.p_holm < SIGNIFICANT


def score_results(results: Mapping[int, CellResult]) -> ScoredSeeds | None:
    """Return what the seeds of a row scored; None where none has a score.

    Args:
        results: of one row by seed; those without a score are left out.
    """
    scored = {seed: result.score for seed, result in sorted(results.items()) if result.score is not None}
    if not scored:
        return None
    mious = np.array([score.miou for score in scored.values()])
    roads = {_road(score) for score in scored.values()}
    rules = {scoring_rule(results[seed]) for seed in scored}
    if len(roads) > 1 or len(rules) > 1 or (rule := rules.pop()) is None or roads == {()}:
        return ScoredSeeds(tuple(scored), SeedScores(mious), None)
    return ScoredSeeds(tuple(scored), replace(_redraw(scored.values(), rule), mious=mious), roads.pop())


def gain_over(own: ScoredSeeds | None, reference: ScoredSeeds | None) -> Gain | None:
    """Return the gain over a reference, not yet adjusted for other comparisons; None without a seed that both have."""
    if own is None or reference is None:
        return None
    shared = sorted(set(own.seeds) & set(reference.seeds))
    one, other = (scored.scores.of([scored.seeds.index(seed) for seed in shared]) for scored in (own, reference))
    delta = spread((one.mious - other.mious).tolist())
    if delta is None:
        return None
    if own.road is None or own.road != reference.road:
        one, other = one.alone(), other.alone()
    return Gain(delta, compare(one, other))


def scoring_rule(result: CellResult) -> ScoringRule | None:
    """Return the official rule of a result's score; None for a name that this version doesn't know."""
    card = result.protocol
    return next((rule for rule in RULES if card is not None and rule == card.scoring_rule), None)


def _redraw(scores: Iterable[ScoreResult], rule: ScoringRule) -> SeedScores:
    counts = [[(part.correct, part.predicted, part.true) for part in score.stretches] for score in scores]
    return score_seeds(counts, partial(miou_of_sums, rule))


def _road(score: ScoreResult) -> Road:
    return tuple((part.sequence, part.first, part.scans, part.true) for part in score.stretches)
