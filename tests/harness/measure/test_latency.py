from __future__ import annotations

import gc
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from harness.measure import clock
from harness.measure.clock import HostClock
from harness.measure.latency import SPANS, fit_over_voxels, measure_latency, summarise_span

CPU = torch.device("cpu")
TRANSFER_MS, VOXELISE_MS, ARGMAX_MS = 3.0, 2.0, 0.5
CONVOLUTIONS_MS_PER_VOXEL, MAPS_MS_PER_VOXEL = 1.0, 4.0


class Timeline:
    """A time that only the work below moves on, and the clocks that read it."""

    def __init__(self) -> None:
        self.now_ms = 0.0

    def spend(self, milliseconds: float) -> None:
        self.now_ms += milliseconds

    def start_clock(self, device: torch.device) -> VirtualClock:
        return VirtualClock(self)


class VirtualClock:
    def __init__(self, timeline: Timeline) -> None:
        self.timeline = timeline
        self.marks_ms = [timeline.now_ms]

    def mark(self) -> None:
        self.marks_ms.append(self.timeline.now_ms)

    def intervals_ms(self) -> list[float]:
        return np.diff(self.marks_ms).tolist()


class Scan:
    """A batch of one scan with so many voxels; moving it takes its time."""

    def __init__(self, timeline: Timeline, voxels: int) -> None:
        self.timeline, self.voxels = timeline, voxels

    def to(self, device: torch.device) -> Scan:
        self.timeline.spend(TRANSFER_MS)
        return self


def voxelize(scan: Scan) -> SimpleNamespace:
    scan.timeline.spend(VOXELISE_MS)
    return SimpleNamespace(coordinates=torch.zeros(scan.voxels, 4), maps=[], timeline=scan.timeline)


class Logits:
    def __init__(self, timeline: Timeline) -> None:
        self.timeline = timeline

    def argmax(self, dimension: int) -> None:
        self.timeline.spend(ARGMAX_MS)


class Network(torch.nn.Module):
    """Builds its maps at the first pass over a set of voxels, and remembers under what it ran."""

    def __init__(self, maps_ms_per_voxel: float = MAPS_MS_PER_VOXEL) -> None:
        super().__init__()
        self.maps_ms_per_voxel = maps_ms_per_voxel
        self.seen: list[tuple[int, bool, bool]] = []

    def predict(self, voxels):
        count = len(voxels.coordinates)
        if not voxels.maps:
            voxels.maps.append("built")
            voxels.timeline.spend(self.maps_ms_per_voxel * count)
        voxels.timeline.spend(CONVOLUTIONS_MS_PER_VOXEL * count)
        self.seen.append((count, self.training or torch.is_grad_enabled(), gc.isenabled()))
        return Logits(voxels.timeline)


@pytest.fixture
def timeline(monkeypatch: pytest.MonkeyPatch) -> Timeline:
    timeline = Timeline()
    monkeypatch.setattr("harness.measure.latency.start_clock", timeline.start_clock)
    return timeline


def scans(timeline: Timeline, *counts: int) -> list[Scan]:
    return [Scan(timeline, count) for count in counts]


def test_a_workload_of_known_cost_is_recovered(timeline: Timeline) -> None:
    network = Network().train()
    result = measure_latency(network, voxelize, scans(timeline, 2, 4, 6, 8), 6, CPU)
    assert result.device_kind == "CPU"
    assert (result.scans, result.passes) == (4, 6)
    assert set(result.spans) == set(SPANS)
    medians = {name: span.p50_ms for name, span in result.spans.items()}
    assert medians == pytest.approx(
        {"transfer": 3, "voxelise": 2, "kernel_maps": 4 * 5, "convolutions": 5, "argmax": 0.5}
    )
    assert result.end_to_end.p50_ms == pytest.approx(2 + (4 + 1) * 5 + 0.5), "without the transfer"
    assert result.cold_start_ms == pytest.approx(2 + (4 + 1) * 2 + 0.5), "the first scan"
    assert result.fit is not None
    assert result.fit.ms_per_1000_voxels == pytest.approx(5000)
    assert result.fit.intercept_ms == pytest.approx(2.5)
    assert network.training


def test_a_second_pass_that_is_slower_is_not_hidden(timeline: Timeline) -> None:
    """On a machine with neighbours the pass with maps at hand may take longer: a negative difference stays one."""
    result = measure_latency(Network(maps_ms_per_voxel=-0.5), voxelize, scans(timeline, 2), 1, CPU)
    assert result.spans["kernel_maps"].p50_ms == pytest.approx(-1)
    assert result.spans["convolutions"].p50_ms == pytest.approx(2)


def test_protocol_fresh_maps_warm_up_shuffled_quiet(timeline: Timeline) -> None:
    network, told = Network(), []
    assert gc.isenabled()
    measure_latency(
        network,
        voxelize,
        scans(timeline, 1, 2, 3, 4, 5),
        4,
        CPU,
        progress=lambda done, total: told.append((done, total)),
    )
    assert gc.isenabled()
    assert len(network.seen) == 2 * (1 + (2 + 4) * 5), (
        "cold start, two warm-up passes and four timed ones, each run twice"
    )
    assert not any(recorded or collecting for _, recorded, collecting in network.seen)
    order = [voxels for voxels, _, _ in network.seen[2::2]]
    passes = [order[i : i + 5] for i in range(0, 30, 5)]
    assert all(sorted(one) == [1, 2, 3, 4, 5] for one in passes)
    assert len({tuple(one) for one in passes}) > 1
    assert told[-1] == (30, 30)


def test_percentiles_of_a_known_distribution() -> None:
    values = np.arange(1.0, 1001.0)
    span = summarise_span(values)
    assert span.p50_ms == pytest.approx(500.5)
    assert span.p95_ms == pytest.approx(950.05)
    assert span.p99_ms == pytest.approx(990.01)
    assert span.mean_ms == pytest.approx(500.5)
    assert span.mad_ms == pytest.approx(250)
    assert summarise_span(values[:199]).p99_ms is None


def test_fit_needs_two_different_scans() -> None:
    fit = fit_over_voxels([1000, 2000, 4000], [3.0, 4.0, 6.0])
    assert fit is not None
    assert (fit.intercept_ms, fit.ms_per_1000_voxels) == (pytest.approx(2.0), pytest.approx(1.0))
    assert fit_over_voxels([1000, 1000], [3.0, 4.0]) is None


def test_the_host_clock_measures_between_marks(monkeypatch: pytest.MonkeyPatch) -> None:
    seconds = iter([10.0, 10.012, 10.0125])
    monkeypatch.setattr(clock, "time", SimpleNamespace(perf_counter=lambda: next(seconds)))
    host = HostClock()
    for _ in range(3):
        host.mark()
    assert host.intervals_ms() == pytest.approx([12, 0.5])
