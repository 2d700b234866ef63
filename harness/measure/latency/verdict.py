"""Whether a measurement can be relied upon: a pure function of what its processes say."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

import numpy as np

from harness.measure.latency.settings import LatencySettings
from harness.spec import ProcessRun

Verdict = Literal["stable", "unstable"]

LEAST_PROCESSES, LEAST_PASSES = LatencySettings.processes, LatencySettings.passes
"""What the protocol asks for; a quicker look is no measurement to compare with."""

MOST_SPREAD = 0.03
"""Of clocks and of the processes' medians: how much the largest may be above the smallest.

A CPU's clock counts as a GPU's does, though it is known at the two ends of a process alone: it is that of the fastest
core, which has just been busy at either, and many a virtual machine tells one number for ever.
"""

MOST_LOAD, MOST_LOAD_PER_THREAD = 0.25, 0.03
"""Cores that others may keep busy: what a resting system does, and what a system's counting of ticks is off by."""

SETTINGS = frozenset({"applications_clocks_setting", "display_clock_setting"})
"""Reasons for a lower clock that somebody chose: it stays as it is, and is not throttled."""


def judge(runs: Sequence[ProcessRun], threads: int) -> tuple[Verdict, tuple[str, ...]]:
    """Return the verdict on one network and every reason why it is unstable.

    Args:
        runs: of the fresh processes, one or more.
        threads: of each process.
    """
    reasons = (*_shortness(runs), *_unsettled(runs), *_throttling(runs), *_clocks(runs), *_company(runs, threads),
               *_medians(runs))  # fmt: skip
    return ("unstable" if reasons else "stable"), reasons


def median_ms(run: ProcessRun) -> float:
    """Return the median of a process's end-to-end times."""
    return float(np.median(run.end_to_end_ms))


def _shortness(runs: Sequence[ProcessRun]) -> Iterator[str]:
    passes = min(len(run.end_to_end_ms) for run in runs)
    if len(runs) < LEAST_PROCESSES:
        yield f"{_count(len(runs), 'process', 'processes')} instead of {LEAST_PROCESSES}"
    if passes < LEAST_PASSES:
        yield f"{_count(passes, 'pass', 'passes')} in a process instead of {LEAST_PASSES}"


def _unsettled(runs: Sequence[ProcessRun]) -> Iterator[str]:
    for run in runs:
        warm_up = run.warm_up
        if not warm_up.settled:
            found = [f"memory grew by {warm_up.growth_mib:.1f} MiB"] if warm_up.growth_mib > 0 else []
            found += ["a kernel was still tuned or compiled"] if warm_up.tuned else []
            told = f" ({', '.join(found)} in the last)" if found else ""
            yield f"process {run.number}: {_count(warm_up.passes, 'pass', 'passes')} did not warm it up{told}"


def _throttling(runs: Sequence[ProcessRun]) -> Iterator[str]:
    for run in runs:
        reasons = sorted({*run.before.throttle_reasons, *run.after.throttle_reasons} - SETTINGS)
        if reasons:
            yield f"process {run.number}: throttled ({', '.join(reasons)})"


def _clocks(runs: Sequence[ProcessRun]) -> Iterator[str]:
    clocks = {
        "clock": [clock for run in runs for clock in run.sm_clocks_mhz or ()],
        "memory clock": [clock for run in runs for clock in run.memory_clocks_mhz or ()],
    }
    for name, seen in clocks.items():
        if seen and differs(seen):
            yield f"{name} between {min(seen)} and {max(seen)} MHz"


def _company(runs: Sequence[ProcessRun], threads: int) -> Iterator[str]:
    allowed = max(MOST_LOAD, MOST_LOAD_PER_THREAD * threads)
    for run in runs:
        others = max(state.other_processes or 0 for state in (run.before, run.after))
        load = max(state.load or 0.0 for state in (run.before, run.after))
        if others:
            yield f"process {run.number}: {_count(others, 'other process', 'other processes')} on the device"
        if load > allowed:
            yield f"process {run.number}: others kept {load:.2f} cores busy"


def _medians(runs: Sequence[ProcessRun]) -> Iterator[str]:
    medians = [median_ms(run) for run in runs]
    if differs(medians):
        yield f"medians of the processes between {min(medians):.3f} and {max(medians):.3f} ms"


def differs(values: Sequence[float]) -> bool:
    """Tell whether the largest is above the smallest by more than `MOST_SPREAD`."""
    return max(values) > min(values) * (1 + MOST_SPREAD)


def _count(number: int, one: str, several: str) -> str:
    return f"{number} {one if number == 1 else several}"
