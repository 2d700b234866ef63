from __future__ import annotations

import gc
import time
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from backbones.points import PointBatch
from harness.measure.clock import HostClock
from harness.measure.latency import SPANS, fit_over_voxels, measure_latency, summarise_span

CPU = torch.device("cpu")


class Sleeper(torch.nn.Module):
    """A workload of known cost: a millisecond per voxel, and twice that when its maps are not built yet."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[str, bool, bool]] = []

    def forward(self, voxels):
        fresh = not voxels.maps
        voxels.maps.append("built")
        self.seen.append((voxels.scan, self.training or torch.is_grad_enabled(), gc.isenabled()))
        time.sleep(len(voxels.coordinates) * (0.002 if fresh else 0.001))
        return SimpleNamespace(point_logits=torch.zeros(4, 3))


def voxelize(points: PointBatch):
    return SimpleNamespace(coordinates=torch.zeros(len(points.xyz), 4), maps=[], scan=points.scan_ids[0])


def scans(*counts: int) -> list[PointBatch]:
    return [PointBatch(torch.zeros(n, 3), torch.zeros(n), torch.zeros(n).long(), None, (f"scan {n}",)) for n in counts]


def test_a_workload_of_known_cost_is_recovered() -> None:
    network = Sleeper().train()
    result = measure_latency(network, voxelize, scans(2, 4, 6, 8), 6, CPU)
    assert result.device_kind == "CPU"
    assert (result.scans, result.passes) == (4, 6)
    assert result.end_to_end.p50_ms == pytest.approx(10, rel=0.25)
    assert result.fit is not None
    assert result.fit.ms_per_1000_voxels == pytest.approx(2000, rel=0.15)
    assert result.spans["kernel_maps"].p50_ms == pytest.approx(5, rel=0.4)
    assert result.spans["convolutions"].p50_ms == pytest.approx(5, rel=0.4)
    assert set(result.spans) == set(SPANS)
    assert network.training


def test_protocol_fresh_maps_warm_up_shuffled_quiet() -> None:
    network, told = Sleeper(), []
    assert gc.isenabled()
    measure_latency(
        network, voxelize, scans(1, 2, 3, 4, 5), 4, CPU, progress=lambda done, total: told.append((done, total))
    )
    assert gc.isenabled()
    assert len(network.seen) == 2 * (1 + (2 + 4) * 5), (
        "cold start, two warm-up passes and four timed ones, each run twice"
    )
    assert not any(recorded or collecting for _, recorded, collecting in network.seen)
    order = [scan for scan, _, _ in network.seen[2::2]]
    passes = [order[i : i + 5] for i in range(0, 30, 5)]
    assert all(sorted(one) == sorted(passes[0]) for one in passes)
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


def test_the_host_clock_measures_between_marks() -> None:
    clock = HostClock()
    clock.mark()
    time.sleep(0.01)
    clock.mark()
    clock.mark()
    first, second = clock.intervals_ms()
    assert 9 < first < 40
    assert second < 2
