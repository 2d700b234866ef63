from __future__ import annotations

import pytest
from fake_plan import fake_forecast, fake_plan

from harness.matrix.budget_clock import BudgetClock
from harness.matrix.forecast import Forecast
from harness.spec import CellSpec


class Hall:
    """A clock in hours, and a store that learns how long cells take when the first one ends."""

    def __init__(self, specs: list[CellSpec]) -> None:
        self.hours = 0.0
        self.found: dict[str, Forecast] = {spec.hash: fake_forecast(None) for spec in specs}

    def seconds(self) -> float:
        return 3600 * self.hours

    def forecasts(self) -> dict[str, Forecast]:
        return self.found


def test_the_first_cell_starts_unknown_and_the_others_as_far_as_it_then_tells() -> None:
    teacher, plain, pvd, logits = specs = fake_plan()
    hall = Hall(specs)
    clock = BudgetClock(specs, 10.0, 1, hall.forecasts, hall.seconds)
    assert clock.start(plain.hash) is None
    hall.found[plain.hash] = fake_forecast(None, "running")
    hall.hours += 3
    assert clock.used_hours() == 3
    hall.found = {spec.hash: fake_forecast(3.0) for spec in specs} | {plain.hash: fake_forecast(None, "finished")}
    clock.end(plain.hash)
    assert clock.start(teacher.hash) is None, "3 + 6 hours are within 10"
    hall.found[teacher.hash] = fake_forecast(3.0, "running")
    assert clock.start(logits.hash) == ("left out by the budget of 10 device hours: needs 3.0 h, 1.0 h are left"), (
        "PVD goes before it, and the teacher that runs is counted"
    )
    assert clock.start(pvd.hash) is None


def test_a_cell_that_failed_is_paid_and_not_asked_about_again() -> None:
    _, plain, pvd, _ = specs = fake_plan()
    hall = Hall(specs)
    hall.found = {spec.hash: fake_forecast(2.0) for spec in specs}
    clock = BudgetClock(specs, 6.0, 2, hall.forecasts, hall.seconds)
    assert clock.start(plain.hash) is None
    hall.hours += 0.5
    hall.found[plain.hash] = fake_forecast(2.0, "failed")
    clock.end(plain.hash)
    assert clock.used_hours() == 1, "two processes shared it"
    assert clock.start(pvd.hash) is None, "5 hours are left for it and its teacher"


def test_an_unknown_cell_does_not_start_when_all_is_spent() -> None:
    specs = fake_plan(methods=("none",))
    hall = Hall(specs)
    clock = BudgetClock(specs, 1.0, 1, hall.forecasts, hall.seconds)
    assert clock.start(specs[1].hash) is None
    hall.hours += 1
    clock.end(specs[1].hash)
    assert "nobody knows" in (clock.start(specs[0].hash) or "")


@pytest.mark.parametrize("first, second", [("pvd", "none"), ("logit_kd", "pvd")])
def test_two_starts_at_once_do_not_both_slip_through(first: str, second: str) -> None:
    """A store that has not yet heard of the first, and a rule that would have the second before it."""
    specs = fake_plan()
    hall = Hall(specs)
    hall.found = {spec.hash: fake_forecast(3.0, "pending" if spec.role == "student" else "finished") for spec in specs}
    students = {spec.method.name: spec.hash for spec in specs if spec.role == "student"}
    clock = BudgetClock(specs, 5.0, 1, hall.forecasts, hall.seconds)
    hall.found[students["none"]] = fake_forecast(None)
    hall.found[students[second]] = fake_forecast(9.0)
    assert clock.start(students[first]) is None
    hall.found[students[second]] = fake_forecast(3.0)
    assert clock.start(students[second]) is not None
    assert clock.left_out == {students[second]: "needs 3.0 h, 2.0 h are left"}


def test_a_cell_that_is_finished_and_has_not_been_reaped_is_paid_once() -> None:
    _, plain, _, _ = specs = fake_plan()
    hall = Hall(specs)
    hall.found = {spec.hash: fake_forecast(1.0) for spec in specs}
    clock = BudgetClock(specs, 1.5, 1, hall.forecasts, hall.seconds)
    assert clock.start(plain.hash) is None
    hall.hours += 1
    hall.found[plain.hash] = fake_forecast(None, "finished")
    assert clock.used_hours() == 1
    assert clock.start(specs[0].hash) is not None, "half an hour is left, for a teacher of one"
