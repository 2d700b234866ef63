"""A world in which the truth is known: seeds, roads and what is left, added up to counts of points.

The IoU of class c by seed s on stretch r is μ_c + seed_s + seed_sc + road_rc + taste_rc + rest_src. The union of
prediction and truth doesn't depend on it, so that the IoU of a whole road is a mean weighted by points, and its
expectation μ_c.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

CLASSES = 8
MEANS = np.linspace(0.3, 0.8, CLASSES)


@dataclass(frozen=True)
class World:
    """Standard deviations in IoU, 0–1. That of the mIoU over seeds is about √(seed² + seed_by_class²/8)."""

    seed: float = 0.008
    seed_by_class: float = 0.02
    road: float = 0.1
    rest: float = 0.04
    taste: float = 0.0
    """of a method for stretches: where two methods are equal on all roads together, each is better on some."""
    presence: float = 1.0
    """chance that the last two classes are on a stretch; the others are on all of them."""

    def draw_road(self, rng: np.random.Generator, stretches: int) -> tuple[NDArray, NDArray]:
        """Return points in the unions and what the road does to the IoU, both [stretches, CLASSES]."""
        points = 1e5 * rng.lognormal(0, 0.7, (stretches, CLASSES))
        points[:, -2:] *= rng.random((stretches, 2)) < self.presence
        return np.round(points), rng.normal(0, self.road, (stretches, CLASSES))

    def drive(self, rng: np.random.Generator, road: tuple[NDArray, NDArray], seeds: int, gain: float = 0.0) -> NDArray:
        """Return the counts [seeds, stretches, 3, CLASSES] of a method whose mIoU is `gain` above the usual."""
        union, difficulty = road
        shape = (seeds, *union.shape)
        iou = MEANS + gain + difficulty + rng.normal(0, self.taste, union.shape) + rng.normal(0, self.rest, shape)
        iou += rng.normal(0, self.seed, (seeds, 1, 1)) + rng.normal(0, self.seed_by_class, (seeds, 1, CLASSES))
        true = np.broadcast_to(np.round(0.97 * union), shape)
        correct = np.round(union * iou.clip(0, 0.97)).clip(max=true)
        return np.stack([correct, union - true + correct, true], axis=2).astype(np.int64)

    def truth(self, road: tuple[NDArray, NDArray]) -> float:
        """Return the mIoU expected of all seeds on all roads as long as this one; of a single stretch, on itself."""
        union, difficulty = road
        if len(union) == 1:
            return float(np.where(union > 0, MEANS + difficulty, 0).mean())
        seen = np.ones(CLASSES)
        seen[-2:] = 1 - (1 - self.presence) ** len(union)
        return float((seen * MEANS).mean())


def miou(correct: NDArray, predicted: NDArray, true: NDArray) -> NDArray:
    """The mean IoU; a class that is absent counts 0."""
    return (correct / (predicted + true - correct + 1e-15)).mean(axis=-1)
