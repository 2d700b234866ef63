"""Integers of a real scan, counted independently with the released definition of the network."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch

from backbones.build import build_backbone, build_voxelizer
from backbones.points import PointBatch
from backbones.voxelize import VoxelBatch
from harness.measure.macs import count_macs


@cache
def voxels_of(root: Path) -> VoxelBatch:
    rows = torch.from_numpy(np.fromfile(root / "sequences/00/velodyne/000000.bin", np.float32).reshape(-1, 4))
    scan = torch.zeros(len(rows), dtype=torch.int64)
    return build_voxelizer("cylinder3d", None)(
        PointBatch(rows[:, :3].contiguous(), rows[:, 3].contiguous(), scan, None, ("00/000000",))
    )


@pytest.mark.real
@pytest.mark.parametrize(
    "width, rulebook, convolutions",
    [
        (1.0, "as_described", "294.42"),
        (1.0, "as_released", "250.31"),
        (0.5, "as_described", "73.82"),
        (0.5, "as_released", "62.79"),
    ],
)
def test_macs_and_sites_are_those_counted_on_the_released_network(
    real_root: Path, width: float, rulebook: str, convolutions: str
) -> None:
    with torch.device("meta"):
        network = build_backbone("cylinder3d", width, 20, {"rulebook": rulebook})
    count = count_macs(network, voxels_of(real_root))
    assert count.sites == (38576, 32586, 13745, 8458, 3623)
    assert f"{count.kinds['convolution'] / 1e9:.2f}" == convolutions
    assert f"{count.kinds['linear'] / 1e9:.3f}" == "13.506"
