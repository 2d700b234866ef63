"""Integers of a real scan, counted independently with the released definition of the network."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from backbones.build import build_backbone, build_voxelizer
from backbones.points import PointBatch
from backbones.sparse.layers import SparseConv
from backbones.voxelize import VoxelBatch
from harness.measure.macs import count_macs


@cache
def voxels_of(root: Path) -> VoxelBatch:
    rows = torch.from_numpy(np.fromfile(root / "sequences/00/velodyne/000000.bin", np.float32).reshape(-1, 4))
    scan = torch.zeros(len(rows), dtype=torch.int64)
    return build_voxelizer("cylinder3d", None)(
        PointBatch(rows[:, :3].contiguous(), rows[:, 3].contiguous(), scan, None, ("00/000000",))
    )


def products(layer: nn.Module) -> int:
    """Return the multiply-accumulates of a layer per pair or per row."""
    return layer.weight.numel() // layer.geometry.volume if isinstance(layer, SparseConv) else layer.weight.numel()


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
    """Counted on the narrowest network and scaled, layer by layer, to the channels of the width in question."""
    narrow = build_backbone("cylinder3d", 1 / 32, 20, {"rulebook": rulebook})
    count = count_macs(narrow, voxels_of(real_root))
    assert count.voxels == (38576, 32586, 13745, 8458, 3623)
    with torch.device("meta"):
        network = build_backbone("cylinder3d", width, 20)
    macs = {"convolution": 0, "linear": 0}
    for path, number in count.layers.items():
        layer = network.get_submodule(path)
        rows, rest = divmod(number, products(narrow.get_submodule(path)))
        assert rest == 0
        macs["convolution" if isinstance(layer, SparseConv) else "linear"] += rows * products(layer)
    assert f"{macs['convolution'] / 1e9:.2f}" == convolutions
    assert f"{macs['linear'] / 1e9:.3f}" == "13.506"
