from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from harness.errors import HarnessError
from harness.metrics import MetricsLog, epoch_means, mean_terms


@pytest.fixture
def log(tmp_path: Path) -> MetricsLog:
    return MetricsLog(tmp_path / "metrics.jsonl")


def test_rows_come_back_as_they_were_logged(log: MetricsLog) -> None:
    assert log.rows() == []
    log.append(0, 0, 0.25, {"a": 1e-30, "sum.up4": 3e38})
    log.append(1, 0, 0.125, {})
    assert log.rows() == [
        {"step": 0, "epoch": 0, "lr": 0.25, "terms": {"a": 1e-30, "sum.up4": 3e38}},
        {"step": 1, "epoch": 0, "lr": 0.125, "terms": {}},
    ]


def test_a_line_cut_by_a_kill_is_left_out_and_dropped_on_going_on(log: MetricsLog) -> None:
    for step in range(4):
        log.append(step, step // 2, 0.1, {"a": float(step)})
    whole = log.path.read_bytes()
    log.path.write_bytes(whole[:-5])
    assert [row["step"] for row in log.rows()] == [0, 1, 2]
    log.keep_until(2)
    assert log.path.read_bytes() == b"".join(whole.splitlines(keepends=True)[:2])


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_json_has_no_word_for_what_is_not_finite(log: MetricsLog, value: float) -> None:
    log.append(0, 0, 0.1, {"a": 1.0})
    with pytest.raises(ValueError, match="JSON"):
        log.append(1, 0, 0.1, {"a": value})
    with pytest.raises(ValueError, match="JSON"):
        log.append(1, 0, value, {"a": 1.0})
    assert [row["step"] for row in log.rows()] == [0]


@pytest.mark.parametrize(
    "line",
    [
        "{",
        "[]",
        '{"step": 0, "epoch": 0, "lr": 0.1}',
        '{"step": 0, "epoch": 0, "lr": 0.1, "terms": [1]}',
        '{"step": 0, "epoch": 0, "lr": 0.1, "terms": {"a": NaN}}',
        '{"step": 0, "epoch": 0, "lr": 0.1, "terms": {"a": 1e999}}',
        '{"step": 0, "epoch": 0, "lr": 0.1, "terms": {"a": null}}',
        '{"step": null, "epoch": 0, "lr": 0.1, "terms": {}}',
        '{"step": 0, "epoch": 0, "lr": -Infinity, "terms": {}}',
        "\0" * 30,
    ],
)
def test_a_damaged_line_is_named(log: MetricsLog, line: str) -> None:
    log.append(0, 0, 0.1, {"a": 1.0})
    log.path.write_text(log.path.read_text() + line + "\n")
    with pytest.raises(HarnessError, match=r"metrics.jsonl, line 2: found .* expected a step's record"):
        log.rows()


@pytest.mark.parametrize("size", [1e-300, 1e-5, 1.0, 1e38, 1.7e308])
def test_the_mean_is_finite_for_terms_of_any_finite_size(log: MetricsLog, size: float) -> None:
    for step in range(6):
        log.append(step, 0, 0.1, {"a": size, "b": size * (1 if step % 2 else -1)})
    means = log.epoch_mean(0)
    assert means == {"a": pytest.approx(size), "b": pytest.approx(0.0)}
    json.dumps(means, allow_nan=False)


def test_an_epoch_is_summed_up_over_the_steps_that_have_the_term(log: MetricsLog) -> None:
    log.append(0, 0, 0.1, {"a": 1.0})
    log.append(1, 0, 0.1, {"a": 2.0, "b": 5.0})
    log.append(2, 1, 0.1, {"a": 7.0})
    assert log.epoch_mean(0) == {"a": 1.5, "b": 5.0}
    assert log.epoch_mean(9) == {}
    assert epoch_means(log.rows()) == [
        {"epoch": 0, "steps": 2, "terms": {"a": 1.5, "b": 5.0}},
        {"epoch": 1, "steps": 1, "terms": {"a": 7.0}},
    ]
    assert list(mean_terms(log.rows())) == ["a", "b"]


def test_a_log_that_is_gone_is_named(log: MetricsLog) -> None:
    log.append(0, 0, 0.1, {})
    log.sync()
    log.path.unlink()
    with pytest.raises(HarnessError, match=r"metrics\.jsonl: found 'No such file"):
        log.sync()
