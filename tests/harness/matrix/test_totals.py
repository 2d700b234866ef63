from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from fake_plan import fake_forecast, fake_plan
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from harness.matrix.totals import free_mib, totals, wall_hours


def test_sums_are_over_what_is_to_run(tmp_path: Path) -> None:
    specs = fake_plan()
    found = [fake_forecast(None, "finished"), fake_forecast(2.0), fake_forecast(None), fake_forecast(3.0)]
    forecasts = dict(zip((spec.hash for spec in specs), found, strict=True))
    sums = totals(specs, forecasts, 2, tmp_path / "not/yet")
    assert (sums.cells, sums.finished, sums.unknown, sums.memory_unknown) == (4, 1, 1, 3)
    assert (sums.device_hours, sums.wall_hours, sums.memory_mib) == (5, 3, None)
    assert (sums.disk_mib, sums.disk_left_mib) == (4, 3)
    assert sums.disk_free_mib == pytest.approx(shutil.disk_usage(tmp_path).free / 2**20, rel=0.05)
    assert sums.fits
    shared = totals(specs, forecasts, 2, tmp_path, processes=4)
    assert (shared.device_hours, shared.wall_hours, shared.processes) == (5, 0.75, 4)
    crowded = {key: fake_forecast(1.0) for key in forecasts}
    big = {key: type(one)(**{**vars(one), "disk_left_mib": 1e12}) for key, one in crowded.items()}
    assert not totals(specs, big, 1, tmp_path).fits
    assert free_mib(tmp_path / "a" / "b") > 0


def simulated(specs: list, forecasts: dict, slots: int) -> float:
    """Minute by minute: whole hours only."""
    left = {spec.hash: int(forecasts[spec.hash].hours) for spec in specs}
    running: dict[str, int] = {}
    waiting, clock = list(specs), 0
    while waiting or running:
        ended = True
        while ended:
            ended = [key for key, hours in running.items() if hours == 0]
            for key in ended:
                del running[key]
            undone = {spec.hash for spec in waiting} | set(running)
            for spec in list(waiting):
                if len(running) < slots and spec.teacher not in undone:
                    running[spec.hash] = left[spec.hash]
                    waiting.remove(spec)
            ended = ended or any(hours == 0 for hours in running.values())
        if running:
            clock += 1
            running = {key: hours - 1 for key, hours in running.items()}
    return clock


@settings(max_examples=30, deadline=None, phases=[Phase.explicit, Phase.generate])
@given(
    hours=st.lists(st.integers(1, 9), min_size=16, max_size=16),
    slots=st.integers(1, 5),
    methods=st.sampled_from([("none",), ("none", "pvd"), ("pvd", "logit_kd", "none")]),
)
def test_the_clock_is_that_of_slots_that_take_the_next_ready_cell(hours: list, slots: int, methods: tuple) -> None:
    specs = fake_plan(backbones=("minkowskinet", "spvnas"), methods=methods, seeds=(0, 1))
    forecasts = {spec.hash: fake_forecast(float(h)) for spec, h in zip(specs, hours, strict=False)}
    assert wall_hours(specs, forecasts, slots) == simulated(specs, forecasts, slots)
    assert wall_hours(specs, forecasts, 1) == sum(hours[: len(specs)])
