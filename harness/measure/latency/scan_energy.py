"""Energy of the networks of one process, from points in host memory to labels."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from backbones.points import PointBatch
from harness.measure.energy import EnergyMeter
from harness.measure.latency.passes import TimedNetwork
from harness.measure.machine_state import Machine


class ScanEnergy:
    """Asks a device for its power at rest when made, before the first scan.

    Args:
        machine: the device, with all that is timed on it already.
        scans: in host memory, pinned where they are timed so.
    """

    def __init__(self, machine: Machine, scans: Sequence[PointBatch]) -> None:
        self._machine, self._scans = machine, scans
        self._meter = None if machine.card is None else EnergyMeter(machine.card.energy_mj)
        self._idle_w = None if self._meter is None else self._meter.idle_w()

    def per_scan_mj(self, timed: TimedNetwork) -> float | None:
        """Run a network over all scans again and again, untimed, and return what a scan takes above idleness.

        None where nothing counts it, and where work drew less than idleness, which the machine then says.
        """
        if self._meter is None or self._idle_w is None:
            return None
        with torch.no_grad():
            found_mj = self._meter.per_scan_mj(lambda: self._run(timed), self._idle_w)
        if found_mj is not None and found_mj < 0:
            self._machine.cannot_tell("energy", "the card drew less at work than it had at rest before")
            return None
        return found_mj

    def _run(self, timed: TimedNetwork) -> int:
        device = self._machine.device
        for points in self._scans:
            timed.network.predict(timed.voxelize(points.copy_to(device))).argmax(1)
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        return len(self._scans)
