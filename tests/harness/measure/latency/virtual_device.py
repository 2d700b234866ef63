"""A device with a queue of its own on a clock that only work moves on, and a network that takes a known time on it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from mmap import PAGESIZE, mmap
from types import SimpleNamespace
from unittest.mock import patch

import torch

from backbones.backbone import Backbone
from harness.measure.clock import Reading

CPU = torch.device("cpu")


def take_memory(mib: int) -> mmap:
    """Return resident memory of its own, which no allocator had at hand."""
    block = mmap(-1, mib << 20)
    for page in range(0, len(block), PAGESIZE):
        block[page] = 1
    return block


class VirtualDevice:
    """The host puts work into a queue, which takes it `launch_ms`, and goes on; the device works it off."""

    def __init__(self, launch_ms: float = 0.0) -> None:
        self.launch_ms = launch_ms
        self.host_ms = self.device_ms = 0.0
        self.waits = 0

    def launch(self, milliseconds: float) -> None:
        self.host_ms += self.launch_ms
        self.device_ms = max(self.device_ms, self.host_ms) + milliseconds

    def wait(self) -> None:
        self.waits += 1
        self.host_ms = max(self.host_ms, self.device_ms)

    def start_clock(self, device: torch.device) -> VirtualClock:
        self.wait()
        return VirtualClock(self)

    @contextmanager
    def in_place_of_clocks(self) -> Iterator[VirtualDevice]:
        with patch("harness.measure.latency.sample.start_clock", self.start_clock):
            yield self


class VirtualClock:
    """Events in the device's queue; the first is there when it is made."""

    def __init__(self, device: VirtualDevice) -> None:
        self.device, self.start_ms, self.marks_ms = device, device.host_ms, list[float]()
        self.mark()

    def mark(self) -> None:
        self.marks_ms.append(max(self.device.device_ms, self.device.host_ms))

    def read(self) -> Reading:
        self.device.wait()
        return Reading([b - a for a, b in pairwise(self.marks_ms)], self.device.host_ms - self.start_ms)


class Costs(SimpleNamespace):
    """Milliseconds of the parts of a run; those of maps and convolutions by the number of voxels."""

    transfer: float = 3.0
    voxelise: float = 2.0
    argmax: float = 0.5
    maps: Callable[[int], float] = staticmethod(lambda voxels: 4.0 * voxels)
    convolutions: Callable[[int], float] = staticmethod(lambda voxels: 1.0 * voxels)


class VirtualScan:
    """A batch of one scan with so many voxels."""

    def __init__(self, device: VirtualDevice, voxels: int, costs: Costs | None = None) -> None:
        self.device, self.voxels, self.costs = device, voxels, costs or Costs()

    def copy_to(self, device: torch.device) -> VirtualScan:
        self.device.launch(self.costs.transfer)
        return VirtualScan(self.device, self.voxels, self.costs)


class VirtualVoxels:
    """Voxels of a scan, whose maps are built once."""

    def __init__(self, scan: VirtualScan) -> None:
        self.scan, self.mapped = scan, False
        self.coordinates = range(scan.voxels)
        scan.device.launch(scan.costs.voxelise)

    def to_points(self, logits: VirtualLogits) -> VirtualLogits:
        return logits


class VirtualLogits:
    def __init__(self, scan: VirtualScan) -> None:
        self.scan = scan

    def argmax(self, dimension: int) -> None:
        self.scan.device.launch(self.scan.costs.argmax)


class VirtualNetwork(Backbone):
    """Builds maps at the first pass over voxels, and notes every run: its voxels, and whether it had maps at hand."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[int, bool]] = []
        self.on_run: Callable[[], None] = lambda: None

    @classmethod
    def voxelizer(cls, voxel_size_m, settings):
        return VirtualVoxels

    def forward(self, voxels):
        raise AssertionError("only predictions are timed")

    def predict_voxels(self, voxels: VirtualVoxels) -> VirtualLogits:
        scan = voxels.scan
        self.seen.append((scan.voxels, voxels.mapped))
        self.on_run()
        if not voxels.mapped:
            voxels.mapped = True
            scan.device.launch(scan.costs.maps(scan.voxels))
        scan.device.launch(scan.costs.convolutions(scan.voxels))
        return VirtualLogits(scan)
