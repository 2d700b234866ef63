"""The passes of one network over all scans."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch

from backbones.backbone import Backbone, Voxelizer
from backbones.points import PointBatch
from harness.measure.latency import HOST_CLOCK, SPANS, WARMUP_PASSES, Progress
from harness.measure.latency.sample import Sample, time_scan, time_spans
from harness.measure.latency.turns import Purpose, scan_order
from harness.measure.memory import PeakMemory


class Steps:
    """Tells how far a measurement is; a warm-up that goes on moves the end.

    Args:
        total: samples expected.
        progress: told of each.
    """

    def __init__(self, total: int, progress: Progress | None) -> None:
        self._done, self._total, self._progress = 0, total, progress

    def add(self, samples: int) -> None:
        """Expect more."""
        self._total += samples

    def advance(self) -> None:
        """Count one that is done."""
        self._done += 1
        if self._progress:
            self._progress(self._done, self._total)


class NetworkRun:
    """Takes the samples of one network and keeps them.

    Args:
        network: in eval mode while it runs, on `device`.
        voxelize: what it reads.
        scans: batches of one scan in host memory.
        passes: timed passes to make room for.
        device: to run on.
        seed: of the orders.
        steps: told of every sample.

    Attributes:
        end_to_end_ms: [passes, scans].
        voxels: of each scan.
        peak_mib: of the passes end to end; see `PeakMemory`.
    """

    def __init__(
        self,
        network: Backbone,
        voxelize: Voxelizer,
        scans: Sequence[PointBatch],
        passes: int,
        device: torch.device,
        seed: int,
        steps: Steps,
    ) -> None:
        self.end_to_end_ms = np.empty((passes, len(scans)))
        self.voxels, self.peak_mib = [0] * len(scans), 0.0
        self._span_ms = {name: np.empty((passes, len(scans))) for name in (*SPANS, HOST_CLOCK)}
        self._network, self._voxelize, self._scans = network, voxelize, scans
        self._device, self._seed, self._steps = device, seed, steps

    def cold_start(self) -> float:
        """Run on the first scan; return its milliseconds end to end."""
        return self._time_scan(0).end_to_end_ms

    def warm_up(self, number: int) -> None:
        """Run everything that is timed later, on every scan."""
        if number > WARMUP_PASSES:
            self._steps.add(len(self._scans))
        for index in self._order("warm-up", number):
            self._time_spans(index)

    def end_to_end(self, number: int) -> None:
        """Take a sample of every scan."""
        memory = PeakMemory(self._device)
        for index in self._order("end to end", number):
            sample = self._time_scan(index)
            self.end_to_end_ms[number, index] = sample.end_to_end_ms
            self._span_ms[HOST_CLOCK][number, index] = sample.host_ms
            self.voxels[index] = sample.voxels
        self.peak_mib = max(self.peak_mib, memory.mib())

    def spans(self, number: int) -> None:
        """Take a sample of every span of every scan."""
        for index in self._order("spans", number):
            for name, milliseconds in self._time_spans(index).items():
                self._span_ms[name][number, index] = milliseconds

    def span_ms(self) -> dict[str, list[float]]:
        """Return the samples of each span, pass by pass, scans in the list's order."""
        return {name: values.ravel().tolist() for name, values in self._span_ms.items()}

    def _order(self, purpose: Purpose, number: int) -> Iterator[int]:
        for index in scan_order(len(self._scans), self._seed, purpose, number):
            yield index
            self._steps.advance()

    def _time_scan(self, index: int) -> Sample:
        return time_scan(self._network, self._voxelize, self._scans[index], self._device)

    def _time_spans(self, index: int) -> dict[str, float]:
        return time_spans(self._network, self._voxelize, self._scans[index], self._device)
