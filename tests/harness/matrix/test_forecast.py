from __future__ import annotations

from pathlib import Path

import pytest
from fake_plan import DEVICE, fake_cell, fake_plan, fake_result, finish

from harness.matrix.forecast import forecast
from harness.matrix.timings import recorded_timings, timing_of
from harness.spec import MeasureSpec, TtaSpec
from harness.store import Store


def test_hours_are_those_of_training_evaluating_and_measuring(tmp_path: Path) -> None:
    measure = MeasureSpec(macs_scans=4, latency_scans=3, latency_passes=5, tta=TtaSpec(flip=("none", "x")))
    spec = fake_cell(recipe={"epochs": 6}, measure=measure)
    timing = timing_of(fake_result(fake_cell(seed=1), seconds=600), {})  # 2 s to train on a scan, 6 to evaluate it
    assert timing is not None
    found = forecast([spec], Store(tmp_path), [timing], DEVICE)[spec.hash]
    predictions = 10 + 2 * 10 + 4 + 3 * (6 + 3 * 5)
    assert found.hours == pytest.approx((6 * 100 * 2 + predictions * 6) / 3600)
    assert (found.status, found.left, found.memory_mib, found.basis) == ("pending", 1, 1000, "1 alike")
    assert found.disk_mib == found.disk_left_mib == 50


def test_a_finished_cell_has_nothing_left_and_one_on_its_way_what_is_left(tmp_path: Path) -> None:
    store, specs = Store(tmp_path), fake_plan(seeds=(0, 1))
    for spec in specs:
        if spec.seed == 0:
            finish(store, spec)
    plain = next(spec for spec in specs if spec.seed == 1 and spec.method.name == "none" and spec.role == "student")
    timings = recorded_timings(store)
    whole = forecast(specs, store, timings, DEVICE)[plain.hash]
    checkpoints = store.add(plain, tmp_path).checkpoints
    checkpoints.mkdir()
    (checkpoints / "000000120.pt").write_bytes(bytes(2**20))
    forecasts = forecast(specs, store, timings, DEVICE)
    rest = forecasts[plain.hash]
    assert rest.left == pytest.approx(1 - 120 / 150)
    assert rest.hours == pytest.approx((whole.hours or 0) - 600 * 0.8 / 3600)
    assert 1 < whole.disk_left_mib - rest.disk_left_mib < 1.1
    done = [forecasts[spec.hash] for spec in specs if spec.seed == 0]
    assert {(cell.status, cell.hours, cell.disk_left_mib) for cell in done} == {("finished", 0, 0)}
    begun = forecasts[plain.hash]
    assert all((cell.hours or 0) > 0 for key, cell in forecasts.items() if key != begun and cell.status != "finished")


def test_another_device_tells_beside_and_never_instead(tmp_path: Path) -> None:
    specs = fake_plan(methods=("none",))
    timing = timing_of(fake_result(specs[1], devices=("A CPU, threads: 1",)), {})
    assert timing is not None
    teacher, plain = forecast(specs, Store(tmp_path), [timing], DEVICE).values()
    assert (plain.hours, plain.memory_mib, plain.basis) == (None, None, "no timing")
    assert plain.elsewhere is not None
    assert plain.elsewhere.device == "A CPU, threads: 1"
    assert plain.elsewhere.hours > 0
    assert teacher.elsewhere is None
    assert teacher.unknown
    assert teacher.disk_mib > plain.disk_mib > 0, "known without any timing"
