from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from macs_by_loops import Cell, Cylinder, UNet, spvcnn_branch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from backbones.backbone import Backbone
from backbones.build import build_backbone, build_voxelizer, count_parameters
from backbones.points import PointBatch
from backbones.sparse.kernel_map import KernelMapCache
from backbones.sparse.layers import SparseConv
from backbones.voxelize import VoxelBatch
from baselines.registry import SHIPPED
from harness.measure.macs import LayerCount, count_macs
from harness.spec import MethodSpec
from harness.train.methods import build_method, method_context

GRID: dict[str, Any] = {"grid": (12, 10, 7), "rho_m": (0, 6), "z_m": (-1, 1.5), "input_channels": 4}
NETWORKS: dict[str, tuple[str, dict[str, Any]]] = {
    "minkowskinet": ("minkowskinet", {}),
    "spvnas": ("spvnas", {}),
    "cylinder3d": ("cylinder3d", GRID),
    "cylinder3d as released": ("cylinder3d", {**GRID, "rulebook": "as_released"}),
}
each_network = pytest.mark.parametrize(("name", "settings"), NETWORKS.values(), ids=NETWORKS)


def points(n: int = 300) -> PointBatch:
    draw = torch.Generator().manual_seed(0)
    xyz = (torch.rand(n, 3, generator=draw) - 0.5) * torch.tensor([10.0, 10.0, 3.0])
    return PointBatch(xyz, xyz[:, 0].contiguous(), torch.zeros(n, dtype=torch.int64), None, ("08/000004",))


def voxels_for(name: str, settings: dict[str, Any]) -> VoxelBatch:
    return build_voxelizer(name, None if name == "cylinder3d" else 0.5, settings)(points())


def cells(batch: VoxelBatch) -> set[Cell]:
    return {(x, y, z) for x, y, z in batch.coordinates[:, 1:].tolist()}


def live_count(network: Backbone, batch: VoxelBatch) -> int:
    """Torch's count of a prediction that is computed."""
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        network.predict(batch)
    return counter.get_total_flops() // 2


@pytest.mark.parametrize("width", [0.25, 0.375])
def test_minkowskinet_and_spvnas_count_what_loops_count(width: float) -> None:
    batch = voxels_for("minkowskinet", {})
    channels = [int(width * c) for c in (32, 32, 64, 128, 256, 256, 128, 96, 96)]
    unet = UNet(cells(batch), channels, classes=7)
    linear, interpolation = spvcnn_branch(cells(batch), channels)
    plain, with_points = (count_macs(build_backbone(name, width, 7), batch) for name in ("minkowskinet", "spvnas"))
    assert plain.total == unet.total()
    assert with_points.total == unet.total() + linear + interpolation
    assert plain.pairs == with_points.pairs == unet.pairs
    assert plain.sites == with_points.sites == tuple(map(len, unet.levels))
    assert plain.kinds["interpolation"] == 0
    assert with_points.kinds["interpolation"] == interpolation
    assert with_points.kinds["convolution"] == plain.kinds["convolution"]
    assert with_points.kinds["linear"] == plain.kinds["linear"] + linear


@pytest.mark.parametrize("rulebook", ["as_described", "as_released"])
def test_cylinder3d_counts_what_loops_count(rulebook: str) -> None:
    settings = {**GRID, "rulebook": rulebook}
    batch = voxels_for("cylinder3d", settings)
    by_loops = Cylinder(cells(batch), GRID["grid"], 4, 4, classes=5, released=rulebook == "as_released")
    count = count_macs(build_backbone("cylinder3d", 1 / 8, 5, settings), batch)
    assert count.kinds["convolution"] == by_loops.convolutions()
    assert count.kinds["linear"] == by_loops.linear(len(batch.points.xyz))
    assert count.total == count.kinds["convolution"] + count.kinds["linear"]
    assert count.pairs == by_loops.pairs
    assert count.sites == tuple(map(len, by_loops.levels))


@each_network
def test_a_count_without_computing_is_that_of_a_computed_prediction(name: str, settings: dict[str, Any]) -> None:
    network, batch = build_backbone(name, 1 / 8, 7, settings).eval(), voxels_for(name, settings)
    count = count_macs(network, batch)
    assert count.total == live_count(network, batch) > 0
    assert count.scan_ids == ("08/000004",)
    with torch.device("meta"):
        shape = build_backbone(name, 1 / 8, 7, settings)
    assert count_macs(shape, batch) == count
    assert sum(layer.macs for layer in count.layers.values()) == count.total == sum(count.kinds.values())
    for path, layer in count.layers.items():
        if layer.kind == "convolution":
            assert layer.macs == layer.pairs * layer.c_in * layer.c_out, path
        if layer.kind == "linear":
            assert layer.macs == layer.rows_in * layer.c_in * layer.c_out, path
            assert layer.pairs is layer.kernel_volume is None


def test_a_layers_count_says_what_it_works_on() -> None:
    batch = voxels_for("minkowskinet", {})
    count = count_macs(build_backbone("minkowskinet", 0.25, 7), batch)
    fine, coarse = count.sites[:2]
    macs = fine * 8 * 8
    assert count.layers["down1.down.convolution"] == LayerCount(
        "convolution", 8, 8, 8, fine, coarse, fine, macs, executed=macs
    )
    shortcut = count.layers["up4.blocks.0.shortcut.convolution"]
    assert (shortcut.kernel_volume, shortcut.pairs, shortcut.rows_out) == (1, fine, fine)
    assert next(iter(count.layers)) == "stem.0.convolution"
    assert list(count.layers)[-1] == "head"


@each_network
def test_counting_leaves_network_and_voxels_as_they_were(name: str, settings: dict[str, Any]) -> None:
    network, batch = build_backbone(name, 1 / 8, 7, settings).train(), voxels_for(name, settings)
    before = {key: tensor.clone() for key, tensor in network.state_dict().items()}
    engines = [layer.engine for layer in network.modules() if isinstance(layer, SparseConv)]
    count_macs(network, batch)
    assert network.training
    assert all(torch.equal(tensor, before[key]) for key, tensor in network.state_dict().items())
    assert [layer.engine for layer in network.modules() if isinstance(layer, SparseConv)] == engines
    assert not any(module._forward_hooks for module in network.modules())
    with torch.no_grad():
        fresh = replace(batch, maps=KernelMapCache())
        assert torch.equal(network.eval().predict(batch), network.predict(fresh)), "maps are those of a prediction"


def test_an_error_leaves_the_network_as_it_was() -> None:
    network, batch = build_backbone("minkowskinet", 1 / 8, 7).train(), voxels_for("minkowskinet", {})
    head, network.head = network.head, nn.Linear(1, 7)
    with pytest.raises(RuntimeError):
        count_macs(network, batch)
    assert network.training
    assert not any(module._forward_hooks for module in network.modules())
    network.head = head
    assert live_count(network.eval(), batch) > 0


def test_half_the_width_is_a_quarter_of_the_macs() -> None:
    batch = voxels_for("minkowskinet", {})
    with torch.device("meta"):
        networks = [build_backbone("minkowskinet", width, 19) for width in (1.0, 0.5)]
    whole, half = (count_macs(network, batch).total for network in networks)
    assert 0.24 < half / whole < 0.28


@pytest.fixture(scope="module")
def pair() -> tuple[Backbone, Backbone]:
    teacher, student = (build_backbone("minkowskinet", width, 3) for width in (0.25, 0.125))
    return teacher, student


@pytest.mark.parametrize("name", SHIPPED)
def test_adapters_of_a_method_are_not_counted(pair: tuple[Backbone, Backbone], name: str) -> None:
    teacher, student = pair
    batch = voxels_for("minkowskinet", {})
    counted, parameters = count_macs(student, batch), count_parameters(student)
    settings = {"methods": [{"name": "fitnets"}, {"name": "logit_kd"}]} if name == "sum" else {}
    method = build_method(MethodSpec(name=name, settings=settings), method_context(student, teacher, (1, 9, 9, 9)), 0)
    if name in ("fitnets", "sum"):
        assert sum(parameter.numel() for parameter in method.parameters()) > 0, "it has an adapter to leave out"
    assert count_macs(student, batch) == counted
    assert count_parameters(student) == parameters
    own = {id(tensor) for tensor in student.parameters()}
    assert own.isdisjoint(id(tensor) for tensor in method.parameters())


def test_the_point_branch_of_cylinder3d_is_not_counted() -> None:
    batch = voxels_for("cylinder3d", GRID)
    with_branch, without = (
        build_backbone("cylinder3d", 1 / 8, 5, {**GRID, "point_branch": branch}) for branch in (True, False)
    )
    assert count_macs(with_branch, batch) == count_macs(without, batch)
    assert count_parameters(with_branch) == count_parameters(without)
    assert not any(path.startswith("point_branch") for path in count_macs(with_branch, batch).layers)
