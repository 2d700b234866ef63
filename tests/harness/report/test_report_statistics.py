import numpy as np
import pytest
from driven import RULE, driven, noisy_road, stretch

from harness.evaluate.scoring import miou_of_sums
from harness.report.statistics import gain_over, score_results
from harness.spec import CellResult
from harness.statistics.paired import compare
from harness.statistics.scores import SeedScores, score_seeds


def seeds_of(spec, result, method: str, count: int, gain: float = 0.0, stretches: int = 10) -> dict[int, CellResult]:
    rng = np.random.default_rng(len(method))
    return {
        seed: driven(result(spec(method, seed), 0.0), noisy_road(rng, stretches, 10, gain)) for seed in range(count)
    }


def counts(results: dict[int, CellResult]) -> np.ndarray:
    return np.array([[(s.correct, s.predicted, s.true) for s in r.score.stretches] for r in results.values()])


def rule(correct, predicted, true):
    return miou_of_sums(RULE, correct, predicted, true)


def test_a_gain_is_that_of_the_counts_of_both(spec, result) -> None:
    plain, pvd = seeds_of(spec, result, "none", 3), seeds_of(spec, result, "pvd", 3, gain=40)
    gain = gain_over(score_results(pvd), score_results(plain))
    assert gain is not None
    assert gain.comparison == compare(score_seeds(counts(pvd), rule), score_seeds(counts(plain), rule))
    differences = [pvd[seed].score.miou - plain[seed].score.miou for seed in range(3)]
    assert gain.delta.mean == pytest.approx(sum(differences) / 3)
    assert gain.comparison.interval.stretches == 10


def test_only_seeds_that_both_have_are_paired(spec, result) -> None:
    plain, pvd = seeds_of(spec, result, "none", 4), seeds_of(spec, result, "pvd", 5)
    del plain[0]
    gain = gain_over(score_results(pvd), score_results(plain))
    assert gain is not None
    same = {seed: pvd[seed] for seed in (1, 2, 3)}
    assert gain == gain_over(score_results(same), score_results(plain))
    assert gain.delta.n == 3
    assert gain_over(score_results({0: pvd[0]}), score_results(plain)) is None
    assert gain_over(score_results({}), score_results(plain)) is None


def test_results_of_an_older_version_are_compared_by_seeds_alone(spec, result) -> None:
    plain = {seed: result(spec(seed=seed), 0.5 + seed / 100) for seed in range(3)}
    pvd = seeds_of(spec, result, "pvd", 3)
    gain = gain_over(score_results(pvd), score_results(plain))
    assert gain is not None
    assert gain.comparison is not None
    assert gain.comparison.interval.stretches == 0
    mious = [SeedScores(np.array([r.score.miou for r in row.values()])) for row in (pvd, plain)]
    assert gain.comparison == compare(*mious)


@pytest.mark.parametrize("change", ["one seed", "one method"])
def test_roads_that_differ_are_not_drawn(spec, result, change) -> None:
    plain, pvd = seeds_of(spec, result, "none", 3), seeds_of(spec, result, "pvd", 3)
    other = [stretch(place, (500, 500)) for place in range(9)]
    for seed in [0] if change == "one seed" else [0, 1, 2]:
        pvd[seed] = driven(pvd[seed], other)
    gain = gain_over(score_results(pvd), score_results(plain))
    assert gain is not None
    assert gain.comparison is not None
    assert gain.comparison.interval.stretches == 0


def test_one_seed_claims_nothing(spec, result) -> None:
    plain, pvd = seeds_of(spec, result, "none", 1), seeds_of(spec, result, "pvd", 1)
    gain = gain_over(score_results(pvd), score_results(plain))
    assert gain is not None
    assert (gain.comparison, gain.p_holm, gain.distinguishable) == (None, None, None)
