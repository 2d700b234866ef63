from __future__ import annotations

from collections.abc import Callable

import pytest

from harness.measure.energy import IDLE_S, SETTLE_S, WORK_S, EnergyMeter


class Device:
    """Draws `idle_w` at rest and `busy_w` while it works; its counter moves every `step_s`."""

    def __init__(self, idle_w: float = 70.0, busy_w: float = 270.0, step_s: float = 0.1) -> None:
        self.idle_w, self.busy_w, self.step_s = idle_w, busy_w, step_s
        self.now_s, self.drawn_mj, self.shown, self.next_s = 0.0, 1e6, 1e6, 0.0

    def spend(self, seconds: float, watts: float) -> None:
        end = self.now_s + seconds
        while self.next_s <= end:
            self.shown = self.drawn_mj + 1e3 * watts * (self.next_s - self.now_s)
            self.next_s += self.step_s
        self.drawn_mj += 1e3 * watts * seconds
        self.now_s = end

    def meter(self, counter: Callable[[], float | None] | None = None) -> EnergyMeter:
        return EnergyMeter(counter or (lambda: self.shown), lambda: self.now_s, lambda s: self.spend(s, self.idle_w))

    def work(self) -> int:
        """Four scans of 30 ms."""
        self.spend(0.12, self.busy_w)
        return 4


def test_energy_of_a_scan_is_what_work_takes_above_idleness() -> None:
    device = Device()
    meter = device.meter()
    idle_w = meter.idle_w()
    assert idle_w == pytest.approx(70, rel=0.04)
    assert device.now_s == SETTLE_S + IDLE_S
    found = meter.per_scan_mj(device.work, 70.0)
    assert found == pytest.approx((270 - 70) * 30, rel=0.03), "a counter that moves ten times a second is 2 % off"
    assert device.now_s >= SETTLE_S + IDLE_S + WORK_S


def test_work_that_takes_no_more_than_idleness_is_not_made_to_look_as_if() -> None:
    device = Device(busy_w=70.0)
    assert device.meter().per_scan_mj(device.work, 70.0) == pytest.approx(0, abs=60)


def test_idleness_is_measured_when_a_card_that_was_just_used_has_come_to_rest() -> None:
    device = Device()

    def wait(seconds: float) -> None:
        device.spend(seconds, 270 if device.now_s < SETTLE_S else 70)

    assert EnergyMeter(lambda: device.shown, lambda: device.now_s, wait).idle_w() == pytest.approx(70, rel=0.1)


def test_nothing_is_told_where_nothing_counts_and_no_time_is_lost() -> None:
    device, worked = Device(), []

    def work() -> int:
        worked.append(1)
        return device.work()

    meter = device.meter(lambda: None)
    assert meter.idle_w() is None
    assert device.now_s == 0
    assert meter.per_scan_mj(work, 0.0) is None
    assert len(worked) <= 1
