"""Small batches of voxels and a searched member's configuration, for the tests of SPVNAS."""

from __future__ import annotations

from typing import Any

import torch

from backbones.build import build_backbone
from backbones.points import PointBatch
from backbones.sparse.kernel_map import pack
from backbones.voxelize import VoxelBatch, voxelize_first_point

SIZE_M = 0.05
OUTPUTS = [32, 24, 40, 64, 128, 136, 72, 48, 52]
"""Nine widths of the hand-written member: stem, four down stages, four up stages."""
TRANSITIONS = {
    "downsample": [12, 48, 20, 64],
    "upsample": [96, 48, 32, 24],
}
MIDDLES = {
    "downsample": [[16], [20, 36], [48, 24], [80]],
    "upsample": [[64, 100], [28], [32, 44], [56, 16]],
}


def published_config() -> dict[str, Any]:
    """A configuration with every key that the public code writes, null where a block is left out."""
    config: dict[str, Any] = {"num_classes": 19, "pres": 0.05, "vres": 0.05, "output_channels": list(OUTPUTS)}
    for side, first in (("downsample", 1), ("upsample", 5)):
        for stage in range(4):
            name, middles = f"{side}.{stage}", MIDDLES[side][stage]
            config[f"{name}.transition"] = TRANSITIONS[side][stage]
            config[f"{name}.feature"] = len(middles)
            for block in range(2):
                inner, used = f"{name}.feature.layers.{block}", block < len(middles)
                config[f"{inner}.net"] = 2 if used else None
                config[f"{inner}.net.layers.0"] = middles[block] if used else None
                config[f"{inner}.net.layers.1"] = OUTPUTS[first + stage] if used else None
            config[f"{name}.feature.layers.0.downsample"] = OUTPUTS[first + stage]
    for number, place in enumerate((4, 6, 8)):
        config[f"point_transforms.{number}"] = OUTPUTS[place]
    return config


def random_points(counts: tuple[int, ...], seed: int = 0, extent_m: float = 1.0) -> PointBatch:
    draw = torch.Generator().manual_seed(seed)
    total = sum(counts)
    return PointBatch(
        xyz=torch.rand(total, 3, generator=draw) * extent_m,
        intensity=torch.rand(total, generator=draw),
        scan_index=torch.repeat_interleave(torch.tensor(counts)),
        labels=None,
        scan_ids=tuple(f"00/{i:06d}" for i in range(len(counts))),
    )


def random_voxels(counts: tuple[int, ...] = (120, 90), seed: int = 0) -> VoxelBatch:
    """About as many voxels as points, so that many corners are absent."""
    return voxelize_first_point(random_points(counts, seed), SIZE_M)


def distant_voxels(count: int = 150) -> VoxelBatch:
    """Voxels of two scans far from the grid's corner, where float32 coordinates are coarse; features in float64."""
    draw = torch.Generator().manual_seed(1)
    cells = torch.randint(0, 14, (count, 3), generator=draw) + torch.tensor([200_000, 140_000, 30])
    coordinates = torch.cat([torch.arange(count)[:, None] % 2, cells], dim=1)
    coordinates = torch.unique(coordinates, dim=0)
    coordinates = coordinates[torch.argsort(pack(coordinates))]
    rows = len(coordinates)
    xyz = coordinates[:, 1:].float() * SIZE_M
    points = PointBatch(xyz, torch.zeros(rows), coordinates[:, 0], None, ("a", "b"))
    features = torch.randn(rows, 4, generator=draw, dtype=torch.float64)
    return VoxelBatch(points, coordinates, torch.arange(rows), features, None, xyz, voxel_size_m=SIZE_M)


def network(width: float = 0.125, classes: int = 3, seed: int = 0, **settings: Any) -> torch.nn.Module:
    """A network in eval mode whose every normalisation does something."""
    torch.manual_seed(seed)
    net = build_backbone("spvnas", width, classes, settings).eval()
    for module in net.modules():
        if isinstance(module, torch.nn.BatchNorm1d):
            torch.nn.init.uniform_(module.running_mean, -0.2, 0.2)
            torch.nn.init.uniform_(module.running_var, 0.5, 2.0)
            torch.nn.init.uniform_(module.weight, 0.5, 1.5)
            torch.nn.init.uniform_(module.bias, -0.2, 0.2)
    return net
