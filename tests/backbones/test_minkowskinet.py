from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from backbones.build import NAMES, build_backbone, build_voxelizer, count_parameters
from backbones.points import PointBatch
from backbones.voxelize import VoxelBatch, voxelize_first_point


def random_points(counts: tuple[int, ...], seed: int = 0) -> PointBatch:
    draw = torch.Generator().manual_seed(seed)
    total = sum(counts)
    return PointBatch(
        xyz=torch.rand(total, 3, generator=draw) * 6,
        intensity=torch.rand(total, generator=draw),
        scan_index=torch.repeat_interleave(torch.tensor(counts)),
        labels=torch.randint(0, 4, (total,), generator=draw),
        scan_ids=tuple(f"00/{i:06d}" for i in range(len(counts))),
    )


def network(width: float = 0.125) -> torch.nn.Module:
    torch.manual_seed(0)
    return build_backbone("minkowskinet", width, 3).eval()


@pytest.mark.parametrize("width, millions", [(1.0, "21.72"), (0.64, "8.77"), (0.5, "5.44")])
def test_parameters_are_the_published_ones(width: float, millions: str) -> None:
    with torch.device("meta"):
        assert f"{count_parameters(build_backbone('minkowskinet', width, 19)) / 1e6:.2f}" == millions


def test_shapes_of_every_output() -> None:
    points = random_points((200, 150))
    voxels = voxelize_first_point(points, 0.5)
    net = network()
    output = net(voxels)
    sites = len(voxels.coordinates)
    assert output.point_logits.shape == (350, 3)
    assert output.voxel_logits.shape == (sites, 3)
    assert output.point_features.shape == (350, net.stage_channels["up4"])
    assert output.voxel_features.shape == (sites, net.stage_channels["up4"])
    assert {name: stage.features.shape[1] for name, stage in output.stages.items()} == net.stage_channels
    assert all(len(stage.scan_index) == len(stage.features) for stage in output.stages.values())
    assert torch.equal(output.point_logits, output.voxel_logits[voxels.voxel_of_point])


def test_scans_of_a_batch_do_not_touch_each_other() -> None:
    both = random_points((200, 150))
    net = network()
    alone = []
    for scan in range(2):
        rows = both.scan_index == scan
        points = PointBatch(
            both.xyz[rows], both.intensity[rows], both.scan_index[rows] * 0, None, (both.scan_ids[scan],)
        )
        alone.append(net(voxelize_first_point(points, 0.5)).point_logits)
    together = net(voxelize_first_point(both, 0.5)).point_logits
    torch.testing.assert_close(together, torch.cat(alone), rtol=1e-4, atol=1e-5)


def test_every_parameter_gets_a_gradient() -> None:
    net = network().train()
    output = net(voxelize_first_point(random_points((300,)), 0.25))
    output.point_logits.square().sum().backward()
    assert all(p.grad is not None and bool(p.grad.abs().sum() > 0) for p in net.parameters())


def dense_reference(net: torch.nn.Module, voxels: VoxelBatch) -> torch.Tensor:
    """The stem and the first down stage on a dense grid: zeros where there is no voxel, masked after every layer."""
    sites = voxels.coordinates[:, 1:]
    size = (int(sites.max()) // 2 + 1) * 2
    grid = torch.zeros(1, voxels.features.shape[1], size, size, size, dtype=voxels.features.dtype)
    mask = torch.zeros(1, 1, size, size, size, dtype=torch.bool)
    x, y, z = sites.unbind(1)
    grid[0, :, x, y, z] = voxels.features.t()
    mask[0, 0, x, y, z] = True

    def convolve(layer, grid, stride=1):
        weight, side = layer.convolution.weight, round(len(layer.convolution.weight) ** (1 / 3))
        kernel = weight.permute(2, 1, 0).reshape(weight.shape[2], weight.shape[1], side, side, side)
        grid = torch.nn.functional.conv3d(grid, kernel, stride=stride, padding=0 if stride == 2 else side // 2)
        norm = layer.norm
        scale = norm.weight / torch.sqrt(norm.running_var + norm.eps)
        return grid * scale.view(1, -1, 1, 1, 1) + (norm.bias - norm.running_mean * scale).view(1, -1, 1, 1, 1)

    def residual(block, grid, mask):
        shortcut = grid if isinstance(block.shortcut, torch.nn.Identity) else convolve(block.shortcut, grid)
        inner = convolve(block.first, grid).relu() * mask
        return (convolve(block.second, inner) + shortcut).relu() * mask

    for layer in net.stem:
        grid = convolve(layer, grid).relu() * mask
    mask = torch.nn.functional.max_pool3d(mask.to(grid.dtype), 2).bool()
    grid = convolve(net.down1.down, grid, stride=2).relu() * mask
    for block in net.down1.blocks:
        grid = residual(block, grid, mask)
    coarse = torch.unique(sites // 2, dim=0)
    return grid[0, :, coarse[:, 0], coarse[:, 1], coarse[:, 2]].t()


def test_the_first_levels_equal_dense_convolutions() -> None:
    net = network().double()
    for module in net.modules():
        if isinstance(module, torch.nn.BatchNorm1d):
            torch.nn.init.uniform_(module.running_mean, -0.2, 0.2)
            torch.nn.init.uniform_(module.running_var, 0.5, 2.0)
    voxels = voxelize_first_point(random_points((250,)), 0.5)
    voxels = VoxelBatch(**{**vars(voxels), "features": voxels.features.double()})
    torch.testing.assert_close(net(voxels).stages["down1"].features, dense_reference(net, voxels))


def test_unknown_names_and_impossible_widths_are_refused() -> None:
    with pytest.raises(ValueError, match="unknown backbone 'minkunet'; known: minkowskinet"):
        build_backbone("minkunet", 1.0, 19)
    with pytest.raises(ValueError, match="unknown backbone"):
        build_voxelizer("minkunet", 0.05)
    with pytest.raises(ValueError, match="width 0"):
        build_backbone(NAMES[0], 0.0, 19)


@pytest.mark.real
@pytest.mark.parametrize(
    ("sequence", "levels", "gmacs"),
    [
        ("00", (91852, 60236, 31883, 14454, 5908), {"convolution": "115.343", "linear": "0.168", "all": "115.5"}),
        ("08", (94625, 68931, 42166, 21525, 9522), {"convolution": "137.531", "linear": "0.173", "all": "137.7"}),
    ],
)
def test_macs_of_a_real_scan_are_those_counted_on_the_released_network(
    real_root: Path, sequence: str, levels: tuple[int, ...], gmacs: dict[str, str]
) -> None:
    """First scans of two sequences, counted with the released definition; half the width has a quarter."""
    from harness.measure.macs import count_macs

    points = np.fromfile(real_root / f"sequences/{sequence}/velodyne/000000.bin", np.float32).reshape(-1, 4)
    batch = PointBatch(
        torch.from_numpy(points[:, :3].copy()),
        torch.from_numpy(points[:, 3].copy()),
        torch.zeros(len(points), dtype=torch.int64),
        None,
        (f"{sequence}/000000",),
    )
    voxels = voxelize_first_point(batch, 0.05)
    whole, half = (count_macs(build_backbone("minkowskinet", width, 19), voxels) for width in (1.0, 0.5))
    assert whole.sites == levels
    assert {kind: f"{macs / 1e9:.3f}" for kind, macs in whole.kinds.items() if macs} == {
        kind: digits for kind, digits in gmacs.items() if kind != "all"
    }
    assert f"{whole.total / 1e9:.1f}" == gmacs["all"]
    assert sum(layer.macs for layer in whole.layers.values()) == whole.total
    assert 0.24 < half.total / whole.total < 0.26
