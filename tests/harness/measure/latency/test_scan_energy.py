from __future__ import annotations

import pytest
from virtual_device import CPU, VirtualDevice, VirtualNetwork, VirtualScan, VirtualVoxels

from harness.measure.energy import EnergyMeter
from harness.measure.latency import scan_energy
from harness.measure.latency.passes import TimedNetwork
from harness.measure.latency.scan_energy import ScanEnergy
from harness.measure.machine_state import Machine
from harness.measure.nvml import Card

SCANS = (100, 300)
SCAN_MS = 3.0 + 2.0 + 5 * 200 + 0.5
"""On average, transfer included."""


class PoweredCard(Card):
    """Draws so many watts at rest and at work, counted exactly."""

    def __init__(self, device: VirtualDevice, idle_w: float, busy_w: float) -> None:
        super().__init__(None)
        self.device, self.idle_w, self.busy_w, self.waited_s = device, idle_w, busy_w, 0.0

    def wait(self, seconds: float) -> None:
        self.waited_s += seconds

    def now_s(self) -> float:
        return self.waited_s + self.device.device_ms / 1e3

    def energy_mj(self) -> float | None:
        return self.idle_w * self.waited_s * 1e3 + self.busy_w * self.device.device_ms


def measured(monkeypatch: pytest.MonkeyPatch, idle_w: float, busy_w: float) -> tuple[float | None, Machine]:
    device = VirtualDevice()
    card = PoweredCard(device, idle_w, busy_w)
    monkeypatch.setattr(scan_energy, "EnergyMeter", lambda counter: EnergyMeter(counter, card.now_s, card.wait))
    machine = Machine(CPU, card)
    energy = ScanEnergy(machine, [VirtualScan(device, voxels) for voxels in SCANS])
    return energy.per_scan_mj(TimedNetwork("a", VirtualNetwork(), VirtualVoxels)), machine


def test_energy_is_from_points_in_host_memory_to_labels(monkeypatch: pytest.MonkeyPatch) -> None:
    found, machine = measured(monkeypatch, idle_w=70, busy_w=270)
    assert found == pytest.approx((270 - 70) * SCAN_MS)
    assert machine.untold() == {}


def test_less_than_nothing_is_not_told_but_why(monkeypatch: pytest.MonkeyPatch) -> None:
    found, machine = measured(monkeypatch, idle_w=70, busy_w=60)
    assert found is None
    assert machine.untold() == {"energy": "the card drew less at work than it had at rest before"}


def test_without_a_card_nothing_is_told() -> None:
    scan = VirtualScan(VirtualDevice(), 1)
    assert ScanEnergy(Machine(CPU), [scan]).per_scan_mj(TimedNetwork("a", VirtualNetwork(), VirtualVoxels)) is None
