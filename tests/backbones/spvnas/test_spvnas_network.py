from __future__ import annotations

import pytest
import torch
from pydantic import ValidationError
from spvnas_scenes import network, published_config, random_points, random_voxels
from torch.utils.flop_counter import FlopCounterMode

from backbones.build import backbone_kind, build_backbone, build_voxelizer, count_parameters
from backbones.points import PointBatch
from backbones.voxelize import voxelize_first_point

PARAMETERS = {
    1.0: {"minkowskinet": 21_723_315, "spvnas": 21_778_003},
    0.64: {"minkowskinet": 8_771_298, "spvnas": 8_793_617},
    0.5: {"minkowskinet": 5_435_235, "spvnas": 5_449_267},
}
PUBLISHED = {1.0: ("21.72", "21.78"), 0.64: ("8.77", "8.79"), 0.5: ("5.44", "5.45")}


@pytest.mark.parametrize("width", PARAMETERS)
def test_parameters_are_the_published_ones(width: float) -> None:
    with torch.device("meta"):
        counts = {name: count_parameters(build_backbone(name, width, 19)) for name in ("minkowskinet", "spvnas")}
    assert counts == PARAMETERS[width]
    assert tuple(f"{count / 1e6:.2f}" for count in counts.values()) == PUBLISHED[width]


def test_the_trunk_has_the_keys_of_minkowskinet() -> None:
    with torch.device("meta"):
        ours, trunk = (build_backbone(name, 1.0, 19).state_dict() for name in ("spvnas", "minkowskinet"))
    assert {key: value.shape for key, value in ours.items() if not key.startswith("point")} == {
        key: value.shape for key, value in trunk.items()
    }
    # The released networks have 317 keys each: MinkUNet's class owns the points' layers too, and never calls them.
    assert len(ours) == 317
    assert len(trunk) == 296


def test_shapes_of_every_output() -> None:
    points = random_points((120, 90))
    voxels = voxelize_first_point(points, 0.1)
    net = network()
    output, rows = net(voxels), len(voxels.coordinates)
    assert rows < 210
    assert output.point_logits.shape == (210, 3)
    assert output.voxel_logits.shape == output.prediction_logits.shape == (rows, 3)
    assert output.point_features.shape == (210, net.stage_channels["z3"])
    assert output.voxel_features.shape == (rows, net.stage_channels["up4"])
    assert {name: stage.features.shape[1] for name, stage in output.stages.items()} == net.stage_channels
    assert all(len(stage.scan_index) == len(stage.features) for stage in output.stages.values())
    assert torch.equal(output.stages["z2"].scan_index, voxels.coordinates[:, 0])


def test_points_predict_and_both_levels_pass_the_same_head() -> None:
    voxels, net = random_voxels(), network()
    output = net(voxels)
    z3, up4 = (output.stages[name].features for name in ("z3", "up4"))
    assert torch.equal(output.prediction_logits, net.head(z3))
    assert torch.equal(output.voxel_logits, net.head(up4))
    assert output.voxel_features is up4
    assert torch.equal(output.point_logits, output.prediction_logits[voxels.voxel_of_point])
    assert torch.equal(output.point_features, z3[voxels.voxel_of_point])
    assert torch.equal(net.predict(voxels), output.point_logits)
    assert not torch.allclose(output.prediction_logits, output.voxel_logits)


def test_a_prediction_computes_one_head() -> None:
    voxels, net = random_voxels(), network()
    head = 2 * len(voxels.coordinates) * net.head.in_features * net.head.out_features
    with torch.no_grad():
        with FlopCounterMode(display=False) as predicting:
            net.predict(voxels)
        with FlopCounterMode(display=False) as training:
            net(voxels)
    assert training.get_total_flops() - predicting.get_total_flops() == head
    assert predicting.get_flop_counts()["Global"][torch.ops.backbones.devoxelize] == sum(
        16 * len(voxels.coordinates) * net.stage_channels[name] for name in ("z0", "z1", "z2", "z3")
    )


@pytest.mark.parametrize("settings", [{}, {"net_config": published_config()}], ids=["SPVCNN", "searched"])
def test_scans_of_a_batch_do_not_touch_each_other(settings: dict[str, object]) -> None:
    both = random_points((120, 90), extent_m=1.5)
    net = network(0.25, **settings)
    alone = []
    for scan in range(2):
        rows = both.scan_index == scan
        points = PointBatch(
            both.xyz[rows], both.intensity[rows], both.scan_index[rows] * 0, None, (both.scan_ids[scan],)
        )
        alone.append(net.predict(voxelize_first_point(points, 0.05)))
    together = net.predict(voxelize_first_point(both, 0.05))
    torch.testing.assert_close(together, torch.cat(alone), rtol=1e-4, atol=1e-5)


def test_every_parameter_gets_a_gradient_from_the_points_alone() -> None:
    net = network(0.25).train()
    net(random_voxels((200, 150))).point_logits.square().sum().backward()
    assert [name for name, p in net.named_parameters() if p.grad is None or not bool(p.grad.abs().sum() > 0)] == []


def step(seed: int, **settings: object) -> list[torch.Tensor]:
    net, voxels = network(0.25, **settings).train(), random_voxels()
    torch.manual_seed(seed)
    output = net(voxels)
    (output.point_logits.square().sum() + output.voxel_logits.square().sum()).backward()
    return [output.point_logits.detach(), *(p.grad for p in net.parameters() if p.grad is not None)]


def test_a_step_is_repeatable_to_the_bit() -> None:
    assert all(torch.equal(one, two) for one, two in zip(step(3), step(3), strict=True))


def test_dropout_follows_the_global_generator_and_its_setting() -> None:
    assert not torch.equal(step(3)[0], step(4)[0])
    assert torch.equal(step(3, dropout=0.0)[0], step(4, dropout=0.0)[0])


def test_dropout_hits_the_refilled_voxels_before_up_1_and_up_3_only() -> None:
    net, voxels = network(0.25, dropout=0.5), random_voxels()
    seen: dict[str, torch.Tensor] = {}
    for name in ("down1", "up1", "up2", "up3", "up4"):
        getattr(net, name).register_forward_pre_hook(
            lambda module, tensors, name=name: seen.update({name: tensors[0].features})
        )
    sites = {"down1": "stem", "up1": "down4", "up2": "up1", "up3": "up2", "up4": "up3"}
    net(voxels)
    before = dict(seen)
    net.dropout.train()
    torch.manual_seed(0)
    after = {name: stage.features for name, stage in net(voxels).stages.items()}
    assert torch.equal(seen["down1"], before["down1"])
    for name in ("up1", "up3"):
        assert 0.3 < float((seen[name] == 0).double().mean()) < 0.95
        assert not torch.equal(seen[name], after[sites[name]])
    # What survives is doubled; at up 1 nothing upstream has been dropped yet.
    kept = seen["up1"] != 0
    torch.testing.assert_close(seen["up1"][kept], 2 * before["up1"][kept])
    assert torch.equal(seen["up2"], after["up1"])
    assert torch.equal(seen["up4"], after["up3"])


def test_it_is_built_by_name_with_its_own_settings() -> None:
    kind = backbone_kind("spvnas")
    assert kind.published_voxel_size_m == 0.05
    assert kind.Settings().model_dump() == {"coordinates": "as_released", "dropout": 0.3, "net_config": None}
    points = random_points((50,))
    ours, theirs = build_voxelizer("spvnas", 0.2)(points), voxelize_first_point(points, 0.2)
    assert torch.equal(ours.features, theirs.features)
    assert ours.voxel_size_m == 0.2
    assert network().point_classifier is False
    assert network().training_only == ()


@pytest.mark.parametrize(
    "settings", [{"coordinates": "rounded"}, {"dropout": 1.0}, {"dropout": -0.1}, {"net_config": 3}, {"depth": 2}]
)
def test_settings_out_of_range_are_refused(settings: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        build_backbone("spvnas", 1.0, 19, settings)
