from __future__ import annotations

from dataclasses import dataclass, field

from made_runs import state

from harness.measure.latency.state_watch import LOOK_S, StateWatch
from harness.spec import MachineState


@dataclass
class Device:
    """Answers with states in a row, the last one again and again, and counts how often it was asked."""

    states: list[MachineState]
    card: str | None = "a card"
    asked: int = field(default=0)

    def state(self) -> MachineState:
        self.asked += 1
        return self.states[min(self.asked, len(self.states)) - 1]


class Clock:
    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def watched(device: Device, timed: int = 4) -> tuple[StateWatch, Clock]:
    clock = Clock()
    return StateWatch(device, timed, clock), clock


def test_it_looks_when_the_warm_up_has_ended_and_in_the_end() -> None:
    device = Device([state(sm_clock_mhz=1980), state(sm_clock_mhz=1900)])
    watch, _ = watched(device)
    for done in range(1, 10):
        watch(done, 10)
        assert device.asked == (done >= 6)
    seen = watch.watched()
    assert (seen.before.sm_clock_mhz, seen.after.sm_clock_mhz, seen.sm_clocks_mhz) == (1980, 1900, (1900, 1980))


def test_a_warm_up_that_goes_on_is_waited_for() -> None:
    device = Device([state(sm_clock_mhz=300), state(sm_clock_mhz=1980)])
    watch, _ = watched(device)
    watch(6, 10)
    for done in range(7, 13):
        watch(done, 15)
    seen = watch.watched()
    assert (seen.before.sm_clock_mhz, seen.sm_clocks_mhz) == (1980, (1980, 1980))


def test_what_was_there_only_in_between_stands_in_the_state_after() -> None:
    device = Device([
        state(),
        state(throttle_reasons=("sw_power_cap",), other_processes=None),
        state(throttle_reasons=("hw_slowdown", "sw_power_cap"), other_processes=2),
        state(other_processes=0),
    ])  # fmt: skip
    watch, clock = watched(device, timed=3)
    for done in range(1, 4):
        watch(done, 3)
        clock.now_s += LOOK_S
    seen = watch.watched()
    assert seen.before == state()
    assert (seen.after.throttle_reasons, seen.after.other_processes) == (("sw_power_cap", "hw_slowdown"), 2)


def test_clocks_of_every_look_are_kept() -> None:
    device = Device([
        state(),
        state(sm_clock_mhz=1200, memory_clock_mhz=None),
        state(sm_clock_mhz=2100, memory_clock_mhz=2619),
        state(),
    ])  # fmt: skip
    watch, clock = watched(device, timed=3)
    for done in range(1, 4):
        watch(done, 3)
        clock.now_s += LOOK_S
    seen = watch.watched()
    assert (seen.before, seen.after) == (state(), state())
    assert (seen.sm_clocks_mhz, seen.memory_clocks_mhz) == ((1200, 2100), (2619, 3201))


def test_clocks_that_are_not_told_are_none() -> None:
    watch, _ = watched(Device([state(sm_clock_mhz=None, memory_clock_mhz=None)]), timed=1)
    watch(1, 1)
    seen = watch.watched()
    assert (seen.sm_clocks_mhz, seen.memory_clocks_mhz) == (None, None)


def test_it_looks_at_a_gpu_once_a_second_and_at_a_cpu_not_at_all() -> None:
    for card, looks in (("a card", 1 + 9), (None, 1)):
        device = Device([state()], card)
        watch, clock = watched(device, timed=100)
        for done in range(100):
            watch(done, 100)
            clock.now_s += LOOK_S / 10
        assert device.asked == looks
