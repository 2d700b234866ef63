from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest
from scipy import stats

from harness.gate.means import ALPHA, LEVELS, Sample, compare_means
from harness.gate.noise import seed_noise


def samples(rng: np.random.Generator, pairs: int = 3, methods: int = 2, seeds: int = 5) -> list[Sample]:
    return [
        Sample(
            f"{pair} {method}", f"pair {pair}", f"method {method}",
            [(seed, float(rng.normal(0.6, 0.01))) for seed in range(seeds)], [float(rng.normal(0.6, 0.01))],
        )
        for pair, method in product(range(pairs), range(methods))
    ]  # fmt: skip


def compare(drawn: list[Sample]) -> dict[tuple[str, str], object]:
    shifts = compare_means(drawn, seed_noise((sample.pair, sample.reference) for sample in drawn))
    return {(shift.level, shift.name): shift for shift in shifts}


def test_one_row_is_students_t_by_the_book() -> None:
    reference, now = [0.61, 0.60, 0.62, 0.58, 0.59], [0.57, 0.58]
    [shift] = compare_means(
        [Sample("row", "pair", "pvd", list(enumerate(reference)), now)],
        seed_noise([("pair", list(enumerate(reference)))]),
    )
    error = np.std(reference, ddof=1) * math.sqrt(1 / 5 + 1 / 2)
    expected = stats.t.cdf((0.575 - 0.60) / error, 4)
    assert (shift.level, shift.rows, shift.degrees) == ("row", 1, pytest.approx(4))
    assert shift.p_drop == pytest.approx(len(LEVELS) * expected)
    assert shift.p_rise == 1
    assert shift.line == pytest.approx(error * stats.t.isf(ALPHA / len(LEVELS), 4))


def test_rows_of_a_pair_share_their_spread_and_pairs_do_not() -> None:
    quiet, loud = [0.600, 0.601, 0.599], [0.60, 0.66, 0.54]
    noise = seed_noise([("a", list(enumerate(quiet))), ("a", list(enumerate(loud, 10))), ("b", list(enumerate(quiet)))])
    pooled = (np.var(quiet, ddof=1) * 2 + np.var(loud, ddof=1) * 2) / 4
    assert noise.pairs["a"].variance == pytest.approx(pooled)
    assert noise.pairs["b"].variance == pytest.approx(np.var(quiet, ddof=1))
    assert noise.pairs["a"].degrees == pytest.approx(4)
    assert noise.alike == 0


def test_rows_of_few_seeds_borrow_the_spread_of_their_pair() -> None:
    noise = seed_noise([("a", [(0, 0.5)]), ("a", [(0, 0.6), (1, 0.7)])])
    assert noise.pairs["a"].variance == pytest.approx(0.005)
    assert seed_noise([("a", [(0, 0.5)]), ("b", [(0, 0.6), (1, 0.6)])]).pairs == {}


def test_the_correlation_is_that_of_all_pairs_of_rows_with_a_seed_in_common() -> None:
    rng = np.random.default_rng(0)
    common = rng.standard_normal(4000)
    rows = [0.6 * common + 0.8 * rng.standard_normal(4000) for _ in range(3)]
    noise = seed_noise([("a", list(enumerate(map(float, row)))) for row in rows])
    residuals = [row - row.mean() for row in rows]
    together = [np.mean(residuals[i] * residuals[j]) for i in range(3) for j in range(3) if i != j]
    assert noise.alike == pytest.approx(np.mean(together) / np.mean([np.mean(r**2) for r in residuals]))
    assert noise.alike == pytest.approx(0.36, abs=0.03)
    error, _ = noise.of_mean([("a", 4000, 1)] * 3)
    assert error**2 == pytest.approx(np.var(np.mean(rows, axis=0)), rel=0.05)


def test_the_error_of_a_mean_over_pairs_is_summed_up_row_by_row() -> None:
    drawn = samples(np.random.default_rng(2))
    noise = seed_noise((sample.pair, sample.reference) for sample in drawn)
    error, _ = noise.of_mean([(sample.pair, 5, 1) for sample in drawn])
    variance = 0.0
    for one, two in product(drawn, drawn):
        if one.pair == two.pair:
            alike = 1.0 if one is two else noise.alike
            variance += alike * noise.pairs[one.pair].variance * (1 / 5 + 1)
    assert error == pytest.approx(math.sqrt(variance) / len(drawn))


def test_every_level_is_tested_once() -> None:
    shifts = compare(samples(np.random.default_rng(0), pairs=3, methods=2))
    assert [level for level, _ in shifts] == ["row"] * 6 + ["method"] * 2 + ["pair"] * 3 + ["all"]
    assert [level for level, _ in compare(samples(np.random.default_rng(0), pairs=1, methods=2))] == ["row"] * 2 + [
        "pair"
    ]


def test_a_loss_is_seen_where_it_is() -> None:
    drawn = samples(np.random.default_rng(3), pairs=4, methods=3)
    hurt = [
        Sample(s.row, s.pair, s.method, s.reference, [value - 0.03 * (s.method == "method 1") for value in s.now])
        for s in drawn
    ]
    before, after = compare(drawn), compare(hurt)
    assert not [key for key, shift in before.items() if shift.p_drop < ALPHA]
    assert ("method", "method 1") in [key for key, shift in after.items() if shift.p_drop < ALPHA]
    assert after["method", "method 0"].p_drop > ALPHA


def test_a_rise_is_no_drop() -> None:
    drawn = samples(np.random.default_rng(3))
    risen = [Sample(s.row, s.pair, s.method, s.reference, [value + 0.1 for value in s.now]) for s in drawn]
    assert {shift.p_drop for shift in compare(risen).values()} == {1.0}
    assert all(shift.p_rise < ALPHA for shift in compare(risen).values())
