"""What a naive measurement says of a workload whose cost is known, beside what the protocol says."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from virtual_device import CPU, VirtualDevice, VirtualNetwork, VirtualScan, VirtualVoxels

from backbones.build import build_backbone, build_voxelizer
from backbones.points import PointBatch
from backbones.sparse import kernel_map
from harness.measure.clock import start_clock
from harness.measure.latency.passes import ProcessMeasurement, TimedNetwork, measure_process
from harness.measure.latency.sample import time_scan

SCRIPT = Path(__file__).parents[4] / "ci" / "naive_latency.py"
LAUNCH_MS, VOXELISE_MS, ARGMAX_MS = 0.1, 2.0, 0.5


@pytest.fixture(scope="module")
def naive() -> Iterator[ModuleType]:
    """The functions of the command that prints the table of habits."""
    found = importlib.util.spec_from_file_location("naive_latency", SCRIPT)
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    sys.modules["naive_latency"] = module
    found.loader.exec_module(module)
    yield module
    del sys.modules["naive_latency"]


@pytest.fixture
def device(naive: ModuleType, monkeypatch: pytest.MonkeyPatch) -> Iterator[VirtualDevice]:
    """A device that works while the host goes on; putting work into its queue takes 0.1 ms."""
    with VirtualDevice(launch_ms=LAUNCH_MS).in_place_of_clocks() as device:
        monkeypatch.setattr(naive, "start_clock", device.start_clock)
        yield device


def by_protocol(network: VirtualNetwork, scans: list[VirtualScan]) -> ProcessMeasurement:
    return measure_process([TimedNetwork("a", network, VirtualVoxels)], scans, 3, CPU, seed=0)["a"]


def test_without_synchronise_only_the_launches_are_timed(naive: ModuleType, device: VirtualDevice) -> None:
    network, scan = VirtualNetwork(), VirtualScan(device, 20)
    truth_ms = LAUNCH_MS + VOXELISE_MS + 5 * 20 + ARGMAX_MS
    assert np.ravel(by_protocol(network, [scan]).end_to_end_ms) == pytest.approx([truth_ms] * 3)
    device.wait()
    told_ms = naive.unsynchronised_ms(lambda: network.predict(VirtualVoxels(scan)).argmax(1), lambda: device.host_ms)
    assert told_ms == pytest.approx(4 * LAUNCH_MS)
    assert told_ms < 0.01 * truth_ms


def test_on_the_same_voxels_again_maps_and_voxelisation_are_free(naive: ModuleType, device: VirtualDevice) -> None:
    network, scan = VirtualNetwork(), VirtualScan(device, 20)
    truth_ms = np.median(by_protocol(network, [scan]).end_to_end_ms)
    told_ms = naive.same_voxels_ms(network, VirtualVoxels, scan, CPU)
    assert told_ms == pytest.approx(LAUNCH_MS + 1 * 20 + ARGMAX_MS)
    assert truth_ms - told_ms == pytest.approx(VOXELISE_MS + 4 * 20), "four fifths of the whole"


def test_without_a_warm_up_the_first_run_is_in_every_mean(naive: ModuleType, device: VirtualDevice) -> None:
    def compiling() -> VirtualNetwork:
        network = VirtualNetwork()
        network.on_run = lambda: device.launch(500.0) if len(network.seen) == 1 else None
        return network

    scan = VirtualScan(device, 20)
    subject = naive.Subject(compiling(), VirtualVoxels, [scan], CPU)
    times_ms, found = naive.first_runs_ms(subject), by_protocol(compiling(), [scan])
    truth_ms = np.median(found.end_to_end_ms)
    assert truth_ms == pytest.approx(times_ms[-1])
    assert np.mean(times_ms) - truth_ms == pytest.approx(500 / naive.FIRST_RUNS, rel=0.01)
    assert found.cold_start_ms == pytest.approx(times_ms[0]), "the protocol tells it apart"


def test_one_scan_is_any_number_between_those_of_the_list(naive: ModuleType, device: VirtualDevice) -> None:
    subject = naive.Subject(VirtualNetwork(), VirtualVoxels, [VirtualScan(device, v) for v in (30, 10, 50)], CPU)
    found = naive.by_protocol(subject, 2)
    told = naive.rows(subject, found, 2)
    fixed_ms = LAUNCH_MS + VOXELISE_MS + ARGMAX_MS
    assert np.median(found.end_to_end_ms) == pytest.approx(fixed_ms + 150)
    assert told["one scan: the smallest"] == pytest.approx(fixed_ms + 50)
    assert told["one scan: the largest"] == pytest.approx(fixed_ms + 250)
    assert set(told) == {"one scan: the smallest", "one scan: the largest", "same voxels again"}
    printed = naive.table(100.0, {"a habit": 40.0})
    assert printed.splitlines()[1].split() == ["a", "habit", "40.0", "ms", "-60.0", "%"]


def test_a_real_backbone_on_the_same_voxels_builds_no_map(naive: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """Counted, not timed: the noise of a busy machine has no part in it."""
    built: list[int] = []
    find_pairs = kernel_map.find_pairs
    monkeypatch.setattr(kernel_map, "find_pairs", lambda *a: (built.append(1), find_pairs(*a))[1])
    draw = torch.Generator().manual_seed(0)
    xyz = torch.rand(4_000, 3, generator=draw) * torch.tensor([40.0, 40.0, 2.0])
    scan = PointBatch(xyz, torch.rand(4_000, generator=draw), torch.zeros(4_000, dtype=torch.int64), None, ("a",))
    network, voxelize = build_backbone("minkowskinet", 0.03125, 4).eval(), build_voxelizer("minkowskinet", 0.2)
    with torch.no_grad():
        naive.same_voxels_ms(network, voxelize, scan, CPU)
        per_run = len(built)
        for _ in range(3):
            naive.same_voxels_ms(network, voxelize, scan, CPU)
        assert len(built) == 4 * per_run > 0, "those of the run before the timed one"
        for _ in range(3):
            time_scan(network, voxelize, scan, CPU)
    assert len(built) == 7 * per_run


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_on_a_gpu_the_host_is_back_long_before_the_work_is_done(naive: ModuleType) -> None:
    device = torch.device("cuda")
    matrix = torch.ones(8192, 8192, device=device)

    def work() -> None:
        for _ in range(20):
            matrix @ matrix

    work()
    clock = start_clock(device)
    work()
    clock.mark()
    [truth_ms] = clock.read().intervals_ms
    told_ms = naive.unsynchronised_ms(work)
    torch.cuda.synchronize()
    assert told_ms < 0.5 * truth_ms
