"""Runs of processes as a stable measurement has them, to be spoilt one by one."""

from __future__ import annotations

from typing import Any

from harness.spec import BackboneSpec, MachineState, ProcessRun, WarmUp

MINKOWSKINET = BackboneSpec(name="minkowskinet", width=0.5, voxel_size_m=0.05, classes=19)
SETTLED = WarmUp(passes=3, settled=True, growth_mib=0.0, tuned=False)
NAMES = ("transfer", "voxelise", "kernel_maps", "convolutions", "devoxelise_argmax", "host_clock")


def state(**changes: Any) -> MachineState:
    told = {"name": "a card", "sm_clock_mhz": 1980, "memory_clock_mhz": 3201, "other_processes": 0, **changes}
    return MachineState(**told)


def run(number: int = 1, median_ms: float = 10.0, passes: int = 10, **changes: Any) -> ProcessRun:
    """Two scans, one a millisecond faster than the median and one a millisecond slower."""
    told = {
        "number": number,
        "cold_start_ms": 100.0 + number,
        "warm_up": SETTLED,
        "end_to_end_ms": tuple((median_ms - 1, median_ms + 1) for _ in range(passes)),
        "spans": {},
        "peak_memory_mib": 500.0 + number,
        "energy_mj_per_scan": None,
        "before": state(),
        "after": state(),
        "sm_clocks_mhz": (1980, 1980),
        "memory_clocks_mhz": (3201, 3201),
        **changes,
    }
    return ProcessRun(**told)


def three(**changes: Any) -> list[ProcessRun]:
    """Three runs, the second with changes."""
    return [run(1), run(2, **changes), run(3)]
