"""What the loader and the networks make of joined scans."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from drives import WriteSequences, write_drive, write_drives

from backbones.build import build_backbone, build_voxelizer
from harness.data.collate import collate
from harness.data.loader import TrainingScans, load_batches, prefetch
from harness.data.multiscan import SemanticKittiMultiScan
from harness.evaluate.evaluate import predict
from harness.spec import Augmentation


@pytest.fixture
def root(write_sequences: WriteSequences) -> Path:
    return write_drives(write_sequences)


def test_the_same_bytes_for_any_number_of_workers(root: Path) -> None:
    dataset = SemanticKittiMultiScan(root)
    dataset.read("00/000001")
    alone, four = (
        [scan.xyz.tobytes() for scan in prefetch(dataset.read, dataset.scan_ids("train"), workers)]
        for workers in (0, 4)
    )
    assert alone == four
    scans = TrainingScans(dataset, tuple(dataset.scan_ids("train")), Augmentation(max_points=60), seed=3)
    voxelize = build_voxelizer("minkowskinet", 0.5)
    epochs = [
        [step.parts[0].voxels.points for step in load_batches(scans, [1], 2, voxelize, 0, workers)]
        for workers in (0, 1)
    ]
    for here, there in zip(*epochs, strict=True):
        assert torch.equal(here.xyz, there.xyz)
        assert here.asked is not None
        assert there.asked is not None
        assert torch.equal(here.asked, there.asked)
        assert not here.asked.all()


@pytest.mark.parametrize(("backbone", "voxel_size_m"), [("minkowskinet", 4.0), ("cylinder3d", None)])
def test_a_network_predicts_the_current_scan(root: Path, backbone: str, voxel_size_m: float | None) -> None:
    torch.manual_seed(0)
    dataset = SemanticKittiMultiScan(root)
    batch = collate([dataset.read("08/000001"), dataset.read("08/000002")])
    network = build_backbone(backbone, 0.0625, dataset.label_map.classes)
    voxelize = build_voxelizer(backbone, voxel_size_m)
    network.train()
    output = network(voxelize(batch))
    assert len(output.voxel_logits) == len(voxelize(batch).coordinates)
    [(points, labels)] = predict(network, voxelize, [batch], torch.device("cpu"))
    assert len(labels) == len(points.xyz) == 53 + 56
    assert points.labels is not None
    truth = np.concatenate([dataset.read_labels(f"08/{frame:06d}") for frame in (1, 2)])
    assert points.labels.numpy().tolist() == truth.tolist()
    assert 1 <= labels.min() <= labels.max() <= 25


def test_a_voxel_of_the_current_scan_has_its_label(root: Path) -> None:
    """The first point of a voxel stands for it, and those of the current scan come first."""
    write_drive(root, "08", [np.eye(4)] * 3)
    path = root / "sequences/08/velodyne"
    for frame in range(3):
        points = np.fromfile(path / f"{frame:06d}.bin", "<f4").reshape(-1, 4)
        points[:, :3] = np.arange(len(points))[:, None]
        points.tofile(path / f"{frame:06d}.bin")
    dataset = SemanticKittiMultiScan(root)
    voxels = build_voxelizer("minkowskinet", 0.5)(collate([dataset.read("08/000002")]))
    assert voxels.labels is not None
    current = dataset.read_labels("08/000002")
    assert voxels.labels[voxels.voxel_of_point[: len(current)]].tolist() == current.tolist()
