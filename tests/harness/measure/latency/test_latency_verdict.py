from __future__ import annotations

import pytest
from made_runs import run, state, three

from harness.measure.latency.verdict import judge
from harness.spec import ProcessRun, WarmUp


def reasons(runs: list[ProcessRun], threads: int = 1) -> tuple[str, ...]:
    verdict, found = judge(runs, threads)
    assert (verdict == "stable") == (not found)
    return found


def test_three_alike_processes_are_stable() -> None:
    assert reasons(three()) == ()


def test_a_quick_look_is_no_measurement() -> None:
    assert reasons([run(1), run(2)]) == ("2 processes instead of 3",)
    assert reasons([run(1, passes=1)]) == ("1 process instead of 3", "1 pass in a process instead of 10")
    assert reasons([run(1), run(2, passes=9), run(3)]) == ("9 passes in a process instead of 10",)
    assert reasons([run(number, passes=11) for number in range(1, 5)]) == ()


@pytest.mark.parametrize("change, stable", [(10.3, True), (10.31, False), (9.71, True), (9.7, False)])
def test_medians_of_the_processes_may_differ_by_3_percent(change: float, stable: bool) -> None:
    found = reasons(three(median_ms=change))
    assert (found == ()) == stable
    if not stable:
        low, high = sorted((10.0, change))
        assert found == (f"medians of the processes between {low:.3f} and {high:.3f} ms",)


@pytest.mark.parametrize("clock, stable", [(2039, True), (2040, False), (1923, True), (1922, False)])
def test_clocks_may_vary_by_3_percent(clock: int, stable: bool) -> None:
    """Whenever they were seen: the device says the same before and after."""
    low, high = sorted((1980, clock))
    found = reasons(three(sm_clocks_mhz=(low, high)))
    assert found == (() if stable else (f"clock between {low} and {high} MHz",))


def test_clocks_may_not_differ_from_process_to_process_either() -> None:
    assert reasons(three(sm_clocks_mhz=(1700, 1700))) == ("clock between 1700 and 1980 MHz",)
    assert reasons(three(sm_clocks_mhz=None)) == (), "what is not told is not held against it"


def test_the_clock_of_the_memory_counts_as_well() -> None:
    assert reasons(three(memory_clocks_mhz=(2619, 3201))) == ("memory clock between 2619 and 3201 MHz",)


@pytest.mark.parametrize("when", ["before", "after"])
def test_throttling(when: str) -> None:
    throttled = state(throttle_reasons=("sw_thermal_slowdown", "hw_slowdown"))
    assert reasons(three(**{when: throttled})) == ("process 2: throttled (hw_slowdown, sw_thermal_slowdown)",)
    chosen = state(throttle_reasons=("applications_clocks_setting", "display_clock_setting"))
    assert reasons(three(**{when: chosen})) == (), "a clock that somebody chose stays as it is"


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_foreign_process(when: str) -> None:
    assert reasons(three(**{when: state(other_processes=1)})) == ("process 2: 1 other process on the device",)
    assert reasons(three(**{when: state(other_processes=2)})) == ("process 2: 2 other processes on the device",)
    assert reasons(three(**{when: state(other_processes=None)})) == (), "what is not told is not held against it"


@pytest.mark.parametrize(
    "load, threads, stable",
    [(0.25, 1, True), (0.26, 1, False), (0.26, 8, False), (0.96, 32, True), (0.97, 32, False), (None, 1, True)],
)
def test_load_of_others_on_a_cpu(load: float | None, threads: int, stable: bool) -> None:
    found = reasons(three(after=state(load=load)), threads)
    assert found == (() if stable else (f"process 2: others kept {load:.2f} cores busy",))


def test_a_warm_up_that_did_not_settle() -> None:
    grown = WarmUp(passes=8, settled=False, growth_mib=2.0, tuned=True)
    found = "memory grew by 2.0 MiB, a kernel was still tuned or compiled in the last"
    assert reasons(three(warm_up=grown)) == (f"process 2: 8 passes did not warm it up ({found})",)
    retried = WarmUp(passes=8, settled=False, growth_mib=-1.0, tuned=False)
    assert reasons(three(warm_up=retried)) == ("process 2: 8 passes did not warm it up",)


def test_all_reasons_are_given() -> None:
    spoilt = run(2, median_ms=20.0, sm_clocks_mhz=(1000, 1000), after=state(throttle_reasons=("sw_power_cap",)))
    assert len(reasons([run(1), spoilt])) == 4
