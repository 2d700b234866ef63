from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from fake_plan import DEVICE, fake_forecast, fake_plan, finish
from rich.console import Console

from harness.cli.amounts import duration, size
from harness.cli.forecast_table import plan_json, show_plan
from harness.matrix.budget import choose
from harness.matrix.forecast import Elsewhere, forecast
from harness.matrix.timings import recorded_timings
from harness.matrix.totals import totals
from harness.store import Store

METHODS = ("none", "logit_kd", "fitnets", "attention_transfer", "pvd")
FULL = fake_plan(("semantickitti", "nuscenes"), ("cylinder3d", "spvnas", "minkowskinet"), METHODS, (0, 1, 2))


def shown(console: Console, *given: object) -> str:
    show_plan(console, *given)  # type: ignore[arg-type]
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


@pytest.mark.parametrize("budget", [None, 300.0])
def test_a_whole_plan_fits_a_hundred_columns_and_a_screen(tmp_path: Path, budget: float | None) -> None:
    store = Store(tmp_path)
    for number, spec in enumerate(FULL[:40]):
        finish(store, spec, seconds=3600 * (1 + number % 7))
    forecasts = forecast(FULL, store, recorded_timings(store), DEVICE)
    choice = None if budget is None else choose(FULL, forecasts, budget)
    sums = totals(FULL if choice is None else choice.specs, forecasts, 2, tmp_path)
    text = shown(Console(file=io.StringIO()), FULL, forecasts, sums, DEVICE, choice)
    lines = [line.rstrip() for line in text.splitlines()]
    assert max(map(len, lines)) <= 100
    assert len(lines) <= 130
    assert lines[1] == "semantickitti cylinder3d"
    assert lines[2].split()[:4] == ["teacher", "1×", "for", "4"]
    assert ("comparisons first" in text) == (budget is not None)
    assert "3 done" in text
    assert "3 pending" in text
    everything = plan_json(FULL, forecasts, sums, DEVICE, choice)
    assert json.loads(json.dumps(everything)) == everything
    assert [cell["hash"] for cell in everything["cells"]] == [spec.hash for spec in FULL]
    assert [cell["used_by"] for cell in everything["cells"][:9]] == [4] * 9
    if choice is not None:
        assert everything["budget"]["rule"] == "comparisons first"
        assert len(everything["budget"]["taken"]) + len(everything["budget"]["left_out"]) == len(FULL)


def test_unknown_is_said_plainly_with_what_would_help(tmp_path: Path) -> None:
    specs = fake_plan()
    forecasts = {spec.hash: fake_forecast(None) for spec in specs}
    forecasts[specs[1].hash] = fake_forecast(None, elsewhere=Elsewhere("A CPU, threads: 1", 1234.0))
    sums = totals(specs, forecasts, 1, tmp_path)
    text = shown(Console(file=io.StringIO()), specs, forecasts, sums, DEVICE, None)
    assert "time left  of unknown length" in text
    assert f"No timing on {DEVICE} for 4 cells" in text
    assert f"--only '{specs[1].name}'" in text
    assert "1 of them would take 1234 h on A CPU, threads: 1, which is another device" in text
    choice = choose(specs, forecasts, 5.0)
    text = shown(Console(file=io.StringIO()), specs, forecasts, sums, DEVICE, choice)
    assert "asked again before it starts" in text


def test_a_disk_that_is_too_small_is_warned_of(tmp_path: Path) -> None:
    specs = fake_plan()
    one = fake_forecast(1.0)
    forecasts = {spec.hash: type(one)(**{**vars(one), "disk_left_mib": 1e12}) for spec in specs}
    text = shown(Console(file=io.StringIO()), specs, forecasts, totals(specs, forecasts, 1, tmp_path), DEVICE, None)
    assert "WARNING" in text


@pytest.mark.parametrize(
    ("hours", "text"),
    [(None, "?"), (0, "0 s"), (0.01, "36 s"), (0.0166, "60 s"), (0.5, "30 min"), (3.44, "3.4 h"), (1234, "1234 h")],
)
def test_hours_are_written_in_the_unit_that_fits(hours: float | None, text: str) -> None:
    assert duration(hours) == text


@pytest.mark.parametrize(("mib", "text"), [(None, "?"), (3.2, "3 MiB"), (999, "999 MiB"), (2048, "2.0 GiB")])
def test_sizes_are_written_in_the_unit_that_fits(mib: float | None, text: str) -> None:
    assert size(mib) == text
