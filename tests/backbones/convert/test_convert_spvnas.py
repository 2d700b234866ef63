"""Files of searched SPVNAS members against the released definition, written down a second time."""

from __future__ import annotations

import pytest
import torch
from full_grid import full_grid
from released_spvnas import DenseNetwork, released_state, searched

from backbones.build import build_backbone
from backbones.convert.convert import from_released, to_released
from backbones.convert.errors import ConversionError
from backbones.convert.layouts import TORCHSPARSE
from backbones.convert.nets import plan_for
from backbones.convert.spvnas import infer_net_config, plan_of

GRID = (16, 16, 16)
CHANNELS = (32, 32, 40, 64, 128, 128, 64, 52, 48)
TRANSITIONS = (8, 12, 16, 24, 64, 32, 20, 16)
MIDDLES = ((8,), (12, 16), (24,), (48, 52), (48,), (24, 28), (16,), (16, 20))
NET = searched(CHANNELS, TRANSITIONS, MIDDLES)
STATE = released_state(NET, classes=5)
SHAPES = {name: tuple(tensor.shape) for name, tensor in STATE.items()}


def test_a_converted_member_computes_what_the_released_one_does() -> None:
    converted = from_released(plan_for("spvnas", STATE, {"coordinates": "exact"}), STATE)
    target = converted.target
    network = build_backbone(target.backbone, target.width, target.classes, target.settings).eval()
    network.load_state_dict(converted.tensors)
    features = torch.randn(GRID[0] * GRID[1] * GRID[2], 4, generator=torch.Generator().manual_seed(3))
    with torch.no_grad():
        logits = network.predict(full_grid(GRID, features, voxel_size_m=0.05))
    expected = DenseNetwork(NET, STATE).spvcnn(features, GRID)
    torch.testing.assert_close(logits, expected, rtol=1e-4, atol=1e-4)


def test_the_net_config_is_read_from_the_shapes() -> None:
    config = infer_net_config(SHAPES)
    assert config["output_channels"] == list(CHANNELS)
    assert [config[f"{side}.{n}.transition"] for side in ("downsample", "upsample") for n in range(4)] == list(
        TRANSITIONS
    )
    assert [config[f"{side}.{n}.feature"] for side in ("downsample", "upsample") for n in range(4)] == [1, 2] * 4
    assert config["downsample.1.feature.layers.1.net.layers.0"] == 16
    assert "downsample.0.feature.layers.1.net.layers.0" not in config


def test_a_net_config_that_agrees_is_kept_with_all_it_says() -> None:
    given = {**infer_net_config(SHAPES), "num_classes": 5, "pres": 0.05, "vres": 0.05}
    plan = plan_for("spvnas", STATE, {"net_config": given})
    assert plan.target.settings["net_config"] == given
    assert not any("net.config was read" in note for note in plan.target.notes)


def test_a_net_config_of_another_member_is_refused() -> None:
    given = {**infer_net_config(SHAPES), "upsample.2.transition": 24}
    with pytest.raises(ConversionError, match=r"upsample.2.transition 20 \(net.config: 24\)"):
        plan_for("spvnas", STATE, {"net_config": given})


def test_a_member_outside_the_searched_space_is_refused() -> None:
    wide = released_state(searched((32, 64, *CHANNELS[2:]), TRANSITIONS, MIDDLES), classes=5)
    with pytest.raises(ConversionError, match=r"outside the searched space: 'output_channels\[1\]' is 64"):
        plan_for("spvnas", wide, {})


@pytest.mark.parametrize("head_inputs", [48, 128])
def test_columns_of_the_classifier_that_meet_no_input_are_dropped(head_inputs: int) -> None:
    state = released_state(searched(CHANNELS, TRANSITIONS, MIDDLES, head_inputs), classes=5)
    converted = from_released(plan_for("spvnas", state, {}), state)
    assert torch.equal(converted.tensors["head.weight"], state["classifier.linear.weight"][:, :48])
    dropped = any("80 columns of the classifier" in note for note in converted.target.notes)
    assert dropped == (head_inputs == 128)


def test_there_and_back_is_exact() -> None:
    converted = from_released(plan_for("spvnas", STATE, {}), STATE)
    torch.manual_seed(1)
    target = converted.target
    ours = target.build("cpu").state_dict()
    released = to_released(plan_of(target), ours, TORCHSPARSE)
    assert {name: tuple(tensor.shape) for name, tensor in released.items()} == SHAPES
    again = from_released(plan_for("spvnas", released, {}), released)
    assert all(torch.equal(again.tensors[name], tensor) for name, tensor in ours.items())
