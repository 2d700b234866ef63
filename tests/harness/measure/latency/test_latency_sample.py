from __future__ import annotations

from typing import Any

import pytest
import torch
from virtual_device import CPU, VirtualDevice, VirtualNetwork, VirtualScan, VirtualVoxels

from backbones.build import NAMES, backbone_kind, build_backbone, build_voxelizer
from backbones.points import PointBatch
from backbones.sparse import kernel_map
from backbones.voxelize import VoxelBatch
from harness.measure.latency.sample import time_scan, time_spans


def a_scan(points: int = 600) -> PointBatch:
    draw = torch.Generator().manual_seed(0)
    xyz = (torch.rand(points, 3, generator=draw) - 0.5) * torch.tensor([20.0, 20.0, 3.0])
    return PointBatch(xyz, torch.rand(points, generator=draw), torch.zeros(points, dtype=torch.int64), None, ("a",))


def test_the_host_waits_for_the_device_once_before_a_run_and_once_after() -> None:
    with VirtualDevice(launch_ms=0.1).in_place_of_clocks() as device:
        sample = time_scan(VirtualNetwork(), VirtualVoxels, VirtualScan(device, 3), CPU)
        assert device.waits == 2
        assert sample.voxels == 3
        assert sample.end_to_end_ms == pytest.approx(0.1 + 2 + 5 * 3 + 0.5), "the first launch, then no gap"
        assert sample.host_ms == pytest.approx(sample.end_to_end_ms)


def test_a_transfer_still_under_way_is_in_no_sample() -> None:
    with VirtualDevice(launch_ms=0.1).in_place_of_clocks() as device:
        quick, slow = (VirtualScan(device, 3) for _ in range(2))
        slow.costs.transfer = 1000.0
        times = [time_scan(VirtualNetwork(), VirtualVoxels, scan, CPU).end_to_end_ms for scan in (quick, slow)]
    assert times[0] == pytest.approx(times[1])


@pytest.mark.parametrize("name", NAMES)
def test_every_run_of_a_backbone_is_on_tensors_of_its_own_and_builds_every_map(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    built: list[str] = []
    find_pairs = kernel_map.find_pairs
    monkeypatch.setattr(kernel_map, "find_pairs", lambda *a: (built.append("map"), find_pairs(*a))[1])
    network = build_backbone(name, 0.0625, 4).eval()
    voxelize = build_voxelizer(name, 0.5 if backbone_kind(name).published_voxel_size_m else None)
    scan, seen = a_scan(), list[VoxelBatch]()

    def noting(points: PointBatch) -> VoxelBatch:
        seen.append(voxelize(points))
        return seen[-1]

    counts = []
    with torch.no_grad():
        for time_it in (time_scan, time_scan, time_spans):
            time_it(network, noting, scan, CPU)
            counts.append(len(built))
    assert counts == [counts[0], 2 * counts[0], 3 * counts[0]]
    assert counts[0] > 8
    addresses = {tensor.data_ptr() for v in seen for tensor in (v.points.xyz, v.points.intensity, v.coordinates)}
    assert len(addresses) == 9
    assert not addresses & {scan.xyz.data_ptr(), scan.intensity.data_ptr()}


@pytest.mark.parametrize("name", NAMES)
def test_the_parts_that_are_timed_add_up_to_the_prediction(name: str) -> None:
    network = build_backbone(name, 0.0625, 4).eval()
    voxels = build_voxelizer(name, 0.5 if backbone_kind(name).published_voxel_size_m else None)(a_scan())
    with torch.no_grad():
        rows = network.predict_voxels(voxels)
        assert rows.shape == (len(voxels.coordinates), 4)
        assert torch.equal(voxels.to_points(rows), network.predict(voxels))
        assert torch.equal(rows, network(voxels).prediction_logits)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_on_a_gpu_events_and_the_host_agree_and_the_spans_are_those_of_a_run() -> None:
    device = torch.device("cuda")
    network = build_backbone("minkowskinet", 0.25, 19).to(device).eval()
    voxelize: Any = build_voxelizer("minkowskinet", 0.05)
    scan = a_scan(50_000).pin_memory()
    with torch.no_grad():
        samples = [time_scan(network, voxelize, scan, device) for _ in range(8)][3:]
        spans = [time_spans(network, voxelize, scan, device) for _ in range(8)][3:]
    for sample in samples:
        assert sample.end_to_end_ms == pytest.approx(sample.host_ms, rel=0.05, abs=0.2)
    whole = torch.tensor([s.end_to_end_ms for s in samples]).median().item()
    parts = torch.tensor([sum(s.values()) - s["transfer"] for s in spans]).median().item()
    assert parts == pytest.approx(whole, rel=0.25)
