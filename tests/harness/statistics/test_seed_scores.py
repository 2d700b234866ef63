import numpy as np
import pytest
from roads import World, miou

from harness.statistics.scores import SeedScores, draw_roads, score_seeds


def plain_miou(stretches: list[np.ndarray]) -> float:
    total = [[0] * stretches[0].shape[1] for _ in range(3)]
    for counts in stretches:
        for kind in range(3):
            for c in range(counts.shape[1]):
                total[kind][c] += int(counts[kind, c])
    correct, predicted, true = total
    return sum(t / (p + g - t + 1e-15) for t, p, g in zip(correct, predicted, true, strict=True)) / len(correct)


def test_a_road_scores_as_its_summed_counts() -> None:
    rng = np.random.default_rng(0)
    world = World(presence=0.4)
    counts = world.drive(rng, world.draw_road(rng, 6), seeds=3)
    scores = score_seeds(counts, miou, draws=20)
    roads = draw_roads(6, 20)
    assert scores.stretches == 6
    assert scores.redrawn is not None
    for seed in range(3):
        assert scores.mious[seed] == pytest.approx(plain_miou(list(counts[seed])), abs=1e-12)
        for draw in range(20):
            driven = [counts[seed, r] for r in range(6) for _ in range(int(roads[draw, r]))]
            assert scores.redrawn[draw, seed] == pytest.approx(plain_miou(driven), abs=1e-12)


def test_counts_of_a_whole_split_stay_exact() -> None:
    counts = np.full((1, 40, 3, 2), 2**40 + 1, dtype=np.int64)
    seen: list[np.ndarray] = []
    score_seeds(counts, lambda correct, predicted, true: seen.append(correct) or miou(correct, predicted, true), 5)
    assert (seen[1] == 40 * (2**40 + 1)).all()


def test_roads_are_as_long_as_the_one_that_was_driven_and_the_same_every_time() -> None:
    roads = draw_roads(40, 3000)
    assert (roads.sum(axis=1) == 40).all()
    assert (draw_roads(40, 3000) == roads).all()
    assert roads.mean() == 1
    assert roads.var() == pytest.approx(1 - 1 / 40, rel=0.02)


@pytest.mark.parametrize("stretches", [0, 1])
def test_no_road_is_drawn_from_a_single_stretch(stretches: int) -> None:
    assert score_seeds(np.ones((2, stretches, 3, 2), dtype=int), miou).redrawn is None


def test_only_the_same_seeds_on_the_same_stretches_are_paired() -> None:
    one = SeedScores(np.array([0.5, 0.6]), None, 4)
    assert (one - SeedScores(np.array([0.4, 0.6]), None, 4)).mious == pytest.approx([0.1, 0])
    for other in (SeedScores(np.array([0.5]), None, 4), SeedScores(np.array([0.5, 0.6]), None, 5)):
        with pytest.raises(ValueError, match="same seeds on the same stretches"):
            _ = one - other
