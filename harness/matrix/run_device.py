"""The device that the cells of a run will be on, by the name that timings have for it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch

from harness.matrix.timings import Timing
from harness.measure.device import THREADS, describe_with_threads, is_here


@dataclass(frozen=True)
class RunDevice:
    """What the hours of a forecast are hours of.

    Attributes:
        name: as timings have it; one that no timing has where nobody knows.
        note: how it is known, where the cells do not run on this machine; else None.
    """

    name: str
    note: str | None = None


def device_here(device: torch.device, threads: int | None) -> RunDevice:
    """Return a device of this machine.

    Args:
        device: one that is here.
        threads: that each process of a cell will have on the CPU; None: as many as this one.
    """
    return RunDevice(describe_with_threads(device, threads))


def device_of_cluster(device: torch.device, finished: Iterable[Timing]) -> RunDevice:
    """Return what the machines of a cluster seem to have: what all cells were trained on, or else what is here.

    Args:
        device: the kind of device that was asked for; this machine need not have it.
        finished: timings of the store's cells.
    """
    kind = "GPUs" if device.type == "cuda" else "CPUs"
    names = {timing.device for timing in finished}
    seen = {name for name in names if (THREADS.search(name) is None) == (device.type == "cuda")}
    if len(seen) == 1:
        return RunDevice(seen.pop(), f"what this store's cells on {kind} were trained on; the cluster's may be others")
    if is_here(device):
        return RunDevice(describe_with_threads(device), "that of this machine; the cluster's may be others")
    return RunDevice(f"the cluster's {kind} (unknown here)")
