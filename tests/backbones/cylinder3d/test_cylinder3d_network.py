from __future__ import annotations

import pytest
import torch
from cylinder_scenes import random_points, small_network, small_voxels
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from backbones.build import build_backbone, count_parameters
from backbones.output import SegmentationOutput
from backbones.points import PointBatch


@pytest.mark.parametrize("point_branch", [True, False])
@pytest.mark.parametrize("width, parameters", [(1.0, 55_853_366), (0.5, 14_071_542)])
def test_parameters_are_those_of_the_public_files(width: float, parameters: int, point_branch: bool) -> None:
    """By the public convention of 20 outputs, the ignored class among them."""
    with torch.device("meta"):
        network = build_backbone("cylinder3d", width, 20, {"point_branch": point_branch})
    assert count_parameters(network) == parameters
    assert (sum(p.numel() for p in network.parameters()) > parameters) == point_branch


def test_the_point_network_is_halved_on_request() -> None:
    with torch.device("meta"):
        networks = [
            build_backbone("cylinder3d", 0.5, 19, {"point_mlp": kind}) for kind in ("full", "scaled", "scaled_output")
        ]
    shapes = [[tuple(p.shape) for p in n.get_submodule("point_mlp").parameters() if p.ndim == 2] for n in networks]
    assert shapes[0] == [(64, 9), (128, 64), (256, 128), (256, 256), (16, 256)]
    assert shapes[1] == [(32, 9), (64, 32), (128, 64), (128, 128), (16, 128)]
    assert shapes[2] == [(64, 9), (128, 64), (256, 128), (128, 256), (16, 128)]


def run(point_branch: bool) -> tuple[torch.nn.Module, SegmentationOutput, Tensor]:
    network, voxels = small_network(point_branch=point_branch), small_voxels(random_points((70, 50)))
    return network, network(voxels), voxels.voxel_of_point


@pytest.mark.parametrize("point_branch", [True, False])
def test_shapes_of_every_output(point_branch: bool) -> None:
    network, output, rows = run(point_branch)
    sites = int(rows.max()) + 1
    assert output.voxel_logits.shape == (sites, 3)
    assert output.prediction_logits is output.voxel_logits
    assert output.voxel_features.shape == (sites, 8)
    assert torch.equal(output.voxel_features, output.stages["ddcm"].features)
    assert {name: stage.features.shape[1] for name, stage in output.stages.items()} == network.stage_channels
    assert list(output.stages) == list(network.stage_channels)
    assert all(len(stage.scan_index) == len(stage.features) for stage in output.stages.values())
    assert output.point_logits.shape == (120, 3)
    assert output.point_features.shape == (120, 256 if point_branch else 8)
    assert network.point_classifier is point_branch
    assert network.training_only == (("point_branch",) if point_branch else ())
    assert torch.equal(output.point_logits, output.voxel_logits[rows]) is not point_branch
    if not point_branch:
        assert torch.equal(output.point_features, output.voxel_features[rows])


def test_levels_are_those_of_the_strides() -> None:
    _, output, _ = run(True)
    sites = {name: len(stage.features) for name, stage in output.stages.items()}
    assert sites["context"] == sites["up4"] == sites["ddcm"]
    assert [sites[f"down{n}"] for n in (1, 2, 3)] == [sites[f"up{n}"] for n in (3, 2, 1)]


def test_a_prediction_is_the_voxels_and_leaves_the_point_branch_out() -> None:
    network, voxels = small_network(), small_voxels(random_points())
    assert torch.equal(network.predict(voxels), network(voxels).voxel_logits[voxels.voxel_of_point])
    with FlopCounterMode(display=False) as whole:
        network(voxels)
    with FlopCounterMode(display=False) as prediction:
        network.predict(voxels)
    # Per voxel 8 · 256 products into the branch, per point 256 · 3 out of it; two operations each.
    branch = 2 * (len(voxels.coordinates) * 8 * 256 + 90 * 256 * 3)
    assert whole.get_total_flops() - prediction.get_total_flops() == branch
    del network.point_branch
    assert network.predict(voxels).shape == (90, 3)


def test_scans_of_a_batch_do_not_touch_each_other() -> None:
    both, network, alone = random_points((70, 50)), small_network(), []
    for scan in range(2):
        rows = both.scan_index == scan
        points = PointBatch(
            both.xyz[rows], both.intensity[rows], both.scan_index[rows] * 0, None, (both.scan_ids[scan],)
        )
        alone.append(network(small_voxels(points)))
    together = network(small_voxels(both))
    for name in ("point_logits", "voxel_logits", "point_features"):
        rows = torch.cat([getattr(output, name) for output in alone])
        torch.testing.assert_close(getattr(together, name), rows, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("rulebook", ["as_described", "as_released"])
def test_every_parameter_gets_a_gradient(rulebook: str) -> None:
    network = small_network(rulebook=rulebook).train()
    output = network(small_voxels(random_points((400,))))
    (output.voxel_logits.square().sum() + output.point_logits.square().sum()).backward()
    idle = [name for name, p in network.named_parameters() if p.grad is None or not bool(p.grad.abs().sum() > 0)]
    # A bias before a normalisation moves nothing; the rounding errors of its gradient may cancel exactly.
    before_norm = (
        "point_mlp.hidden.0.bias",
        "point_mlp.hidden.3.bias",
        "point_mlp.hidden.6.bias",
        "point_branch.lift.bias",
    )
    assert set(idle) <= set(before_norm)


def test_two_runs_have_the_same_bits() -> None:
    runs = []
    for _ in range(2):
        network = small_network().train()
        output = network(small_voxels(random_points((200,))))
        (output.voxel_logits.square().sum() + output.point_logits.square().sum()).backward()
        runs.append([output.point_logits, *(p.grad for p in network.parameters())])
    assert all(torch.equal(one, two) for one, two in zip(*runs, strict=True))


def test_a_scan_of_one_point() -> None:
    output = small_network()(small_voxels(random_points((1,))))
    assert output.point_logits.shape == output.voxel_logits.shape == (1, 3)
    assert bool(output.point_logits.isfinite().all())


def test_a_second_network_finds_all_maps_built() -> None:
    voxels = small_voxels(random_points())
    small_network()(voxels)
    levels = voxels.maps.levels
    built = [id(m) for level in voxels.maps._levels for m in level.maps.values()]
    assert len(levels) == 5
    for rulebook in ("as_described", "as_released"):
        small_network(width=1 / 32, rulebook=rulebook)(voxels)
    assert all(one is two for one, two in zip(voxels.maps.levels, levels, strict=True))
    assert [id(m) for level in voxels.maps._levels for m in level.maps.values()] == built
