"""Integers of a real scan, counted on the released definition."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from backbones.build import build_backbone
from backbones.points import PointBatch
from backbones.sparse.kernel_map import KernelMapCache
from backbones.voxelize import VoxelBatch, voxelize_first_point

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def scan(real_root: Path) -> VoxelBatch:
    rows = torch.from_numpy(np.fromfile(real_root / "sequences/00/velodyne/000000.bin", np.float32).reshape(-1, 4))
    nought = torch.zeros(len(rows), dtype=torch.int64)
    return voxelize_first_point(PointBatch(rows[:, :3], rows[:, 3], nought, None, ("00/000000",)), 0.05)


def macs(name: str, width: float, voxels: VoxelBatch) -> dict[str, float]:
    net = build_backbone(name, width, 19).eval()
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        net.predict(voxels)
    return {str(operator): flops / 2e9 for operator, flops in counter.get_flop_counts()["Global"].items()}


def test_macs_are_those_counted_on_the_released_network(scan: VoxelBatch) -> None:
    full, half = macs("spvnas", 1.0, scan), macs("spvnas", 0.5, scan)
    # A 1³ convolution is a product of matrices without bias; Linear layers add theirs.
    assert round(full["backbones.sparse_conv"] + full["aten.mm"], 3) == 115.343
    assert round(full["aten.addmm"], 3) == 5.058
    assert round(full["backbones.devoxelize"], 3) == 0.376
    assert len(full) == 4
    assert 0.24 < sum(half.values()) / sum(full.values()) < 0.26


def test_released_coordinates_change_the_logits_by_about_a_ten_thousandth(scan: VoxelBatch) -> None:
    logits = []
    for coordinates in ("as_released", "exact"):
        torch.manual_seed(0)
        net = build_backbone("spvnas", 0.5, 19, {"coordinates": coordinates}).eval()
        with torch.no_grad():
            logits.append(net.predict(replace(scan, maps=KernelMapCache())))
    change = float((logits[0] - logits[1]).abs().max() / logits[1].abs().max())
    assert 1e-5 < change < 1e-3
