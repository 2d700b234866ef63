from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.measure.latency.bootstrap import percentile_interval, quantiles, slope_interval, slopes
from harness.measure.latency.summary import (
    fit_over_voxels,
    fit_processes,
    summarise_processes,
    summarise_span,
)


def some_samples(processes: int = 3, passes: int = 2, scans: int = 80, seed: int = 0) -> np.ndarray:
    draw = np.random.default_rng(seed)
    return 20 * draw.lognormal(0, 0.3, scans) * draw.lognormal(0, 0.05, (processes, passes, scans))


def test_percentiles_of_a_known_distribution() -> None:
    values = np.arange(1.0, 1001.0)
    span = summarise_span(values)
    assert span.p50_ms == pytest.approx(500.5)
    assert span.p95_ms == pytest.approx(950.05)
    assert span.p99_ms == pytest.approx(990.01)
    assert span.mean_ms == pytest.approx(500.5)
    assert span.mad_ms == pytest.approx(250)
    assert summarise_span(values[:199]).p99_ms is None
    assert summarise_span(values.reshape(2, 5, 100)) == span
    assert (span.p50_interval_ms, span.p95_interval_ms) == (None, None)


def test_fit_needs_two_different_scans() -> None:
    fit = fit_over_voxels([1000, 2000, 4000], [3.0, 4.0, 6.0])
    assert fit is not None
    assert (fit.intercept_ms, fit.ms_per_1000_voxels) == (pytest.approx(2.0), pytest.approx(1.0))
    assert fit_over_voxels([1000, 1000], [3.0, 4.0]) is None
    assert fit_over_voxels([7228, 7245], [83.0, 92.0]) is None, "533 ms per 1000 voxels, below zero at none"
    assert fit_over_voxels([1000, 1200], [3.0, 4.0]) is not None
    assert fit_processes([1000] * 9, np.ones((3, 2, 9))) is None


def test_the_line_of_several_processes_is_the_one_through_all_samples() -> None:
    values, voxels = some_samples(), np.arange(80) * 100
    fit, flat = fit_processes(voxels.tolist(), values), fit_over_voxels(np.tile(voxels, 6).tolist(), values.ravel())
    assert fit is not None
    assert flat is not None
    assert fit.intercept_ms == pytest.approx(flat.intercept_ms)
    assert fit.ms_per_1000_voxels == pytest.approx(flat.ms_per_1000_voxels)
    assert fit.slope_interval is not None
    assert fit.slope_interval[0] < fit.ms_per_1000_voxels < fit.slope_interval[1]


@given(st.integers(1, 3), st.integers(1, 3), st.integers(1, 9), st.floats(0, 1), st.integers(0, 99))
def test_quantiles_of_drawn_scans_are_those_of_their_samples_written_out(
    processes: int, passes: int, scans: int, share: float, seed: int
) -> None:
    draw = np.random.default_rng(seed)
    values = draw.integers(0, 6, (processes, passes, scans)).astype(float)
    times = draw.multinomial(scans, np.full(scans, 1 / scans), 4)
    found = quantiles(values, share, times)
    for row, result in zip(times, found, strict=True):
        written_out = [
            values[p, i, s]
            for p in range(processes)
            for i in range(passes)
            for s in range(scans)
            for _ in range(row[s])
        ]
        assert result == pytest.approx(np.quantile(written_out, share))


def test_quantiles_of_many_draws_do_not_depend_on_the_size_of_a_block(monkeypatch: pytest.MonkeyPatch) -> None:
    values, times = some_samples(), np.random.default_rng(0).multinomial(80, np.full(80, 1 / 80), 50)
    whole = quantiles(values, 0.95, times)
    monkeypatch.setattr("harness.measure.latency.bootstrap.BLOCK", 7 * values.size)
    assert np.array_equal(quantiles(values, 0.95, times), whole)


@given(st.integers(2, 9), st.integers(0, 99))
def test_slopes_of_drawn_scans_are_those_of_their_samples_written_out(scans: int, seed: int) -> None:
    draw = np.random.default_rng(seed)
    x, means = draw.permutation(scans).astype(float), draw.random(scans)
    times = draw.multinomial(scans, np.full(scans, 1 / scans), 4)
    for row, result in zip(times, slopes(x, means, times), strict=True):
        if (row > 0).sum() < 2:
            assert np.isnan(result)
        else:
            assert result == pytest.approx(np.polyfit(np.repeat(x, row), np.repeat(means, row), 1)[0])


def test_intervals_are_a_function_of_samples_and_seed_and_hold_the_figure() -> None:
    values = some_samples()
    one, again, other = (summarise_processes(values, seed) for seed in (0, 0, 1))
    assert one == again != other
    assert one.p50_interval_ms is not None
    assert one.p95_interval_ms is not None
    assert one.p50_interval_ms[0] < one.p50_ms < one.p50_interval_ms[1] < one.p95_interval_ms[0] < one.p95_ms
    assert one.p50_ms == summarise_span(values).p50_ms


@pytest.mark.parametrize("share, fewest", [(0.5, 6), (0.95, 72)])
def test_too_few_scans_have_no_interval_however_often_they_are_timed(share: float, fewest: int) -> None:
    assert percentile_interval(some_samples(3, 9, fewest - 1), share, 0) is None
    assert percentile_interval(some_samples(1, 1, fewest), share, 0) is not None
    assert slope_interval(np.arange(5.0), some_samples(3, 9, 5), 0) is None
    assert slope_interval(np.ones(9), some_samples(3, 9, 9), 0) is None


def test_processes_that_differ_widen_every_interval_and_equal_ones_do_not() -> None:
    x, values = np.linspace(1, 9, 80), np.repeat(some_samples(1), 3, axis=0)
    apart = values * np.array([0.9, 1.0, 1.1])[:, None, None]
    for interval in (
        lambda v: percentile_interval(v, 0.5, 0),
        lambda v: percentile_interval(v, 0.95, 0),
        lambda v: slope_interval(x, v * x, 0),
    ):
        alone, equal, wide = (np.ptp(interval(samples)) for samples in (values[:1], values, apart))
        assert equal == pytest.approx(alone, rel=0.01)
        assert wide > 1.5 * equal


def test_records_and_summaries_are_read_without_torch() -> None:
    modules = "records", "summary", "scan_list"
    code = "import sys\n" + "".join(f"import harness.measure.latency.{module}\n" for module in modules)
    subprocess.run([sys.executable, "-c", code + "assert 'torch' not in sys.modules"], check=True)
