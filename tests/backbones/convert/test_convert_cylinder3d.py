"""Cylinder3D files against the released definition, written down a second time."""

from __future__ import annotations

import pytest
import torch
from full_grid import full_grid
from released_cylinder3d import NET, DenseCylinder3D, State, released_cylinder3d, to_krsc

from backbones.backbone import Backbone
from backbones.build import build_backbone
from backbones.convert.convert import Converted, from_released, to_released
from backbones.convert.cylinder3d import plan_of
from backbones.convert.errors import ConversionError
from backbones.convert.layouts import KRSC, RSCK, RSKC
from backbones.convert.nets import plan_for
from backbones.convert.plan import Target

GRID = (16, 16, 8)
STATE = released_cylinder3d()


def convert(state: State, **settings: object) -> Converted:
    return from_released(plan_for("cylinder3d", state, settings), state)


def built(converted: Converted) -> Backbone:
    target = converted.target
    network = build_backbone(target.backbone, target.width, target.classes, target.settings)
    network.load_state_dict(converted.tensors)
    return network.eval()


def logits_of(network: Backbone, features: torch.Tensor) -> torch.Tensor:
    with torch.no_grad():
        return network.predict(full_grid(GRID, features))


def features(seed: int = 3) -> torch.Tensor:
    return torch.randn(GRID[0] * GRID[1] * GRID[2], 9, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("rulebook", ["as_described", "as_released"])
@pytest.mark.parametrize("layout", ["RSCK", "KRSC"])
def test_a_converted_network_computes_what_the_released_one_does(rulebook: str, layout: str) -> None:
    converted = convert(STATE if layout == "RSCK" else to_krsc(STATE), rulebook=rulebook)
    assert converted.layout is (RSCK if layout == "RSCK" else KRSC)
    expected = DenseCylinder3D(STATE, shared=rulebook == "as_released")(features(), GRID)[:, 1:]
    torch.testing.assert_close(logits_of(built(converted), features()), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    "one, other",
    [
        ("downCntx.bn0", "downCntx.bn1"),
        ("resBlock3.bn1", "resBlock3.bn2"),
        ("upBlock2.bn1", "upBlock2.trans_bn"),
        ("upBlock1.up_subm", "upBlock1.conv3"),
        ("ReconNet.bn0_2", "ReconNet.bn0_3"),
    ],
)
def test_a_name_in_another_place_changes_the_logits(one: str, other: str) -> None:
    crossed = dict(STATE)
    for name in [name for name in STATE if name.startswith(f"{NET}{one}.")]:
        twin = name.replace(one, other)
        crossed[name], crossed[twin] = STATE[twin], STATE[name]
    network = built(convert(crossed, rulebook="as_described"))
    expected = DenseCylinder3D(STATE, shared=False)(features(), GRID)[:, 1:]
    assert (logits_of(network, features()) - expected).abs().max() > 1e-2


def test_sizes_are_read_from_the_file() -> None:
    state = released_cylinder3d(initial=6, inputs=3, outputs=5)
    target = convert(state).target
    assert (target.backbone, target.width, target.classes) == ("cylinder3d", 0.1875, 4)
    assert target.settings["input_channels"] == 3
    assert target.settings["point_branch"] is False
    assert target.settings["point_mlp"] == "full"


def test_the_layout_decides_the_rulebook_unless_the_user_does() -> None:
    old, new = convert(STATE), convert(to_krsc(STATE))
    assert old.target.settings["rulebook"] == "as_released"
    assert new.target.settings["rulebook"] == "as_described"
    assert any("rulebook: as_released" in note for note in old.target.notes)
    assert any("downCntx.bn1" in note for note in new.target.notes)
    assert convert(STATE, rulebook="as_described").target.settings["rulebook"] == "as_described"


def test_the_output_of_the_ignored_id_is_dropped() -> None:
    converted = convert(STATE)
    assert torch.equal(converted.tensors["logits.bias"], STATE[f"{NET}logits.bias"][1:])
    kernel = STATE[f"{NET}logits.weight"].flatten(0, 2)
    assert torch.equal(converted.tensors["logits.weight"], kernel[:, :, 1:])
    assert "first of the file's 7 outputs" in converted.target.notes[0]


@pytest.mark.parametrize("layout", [RSCK, RSKC, KRSC], ids=lambda layout: layout.name)
def test_there_and_back_is_exact(layout: object) -> None:
    torch.manual_seed(1)
    settings = {"point_branch": False, "input_channels": 5, "rulebook": "as_described"}
    ours = build_backbone("cylinder3d", 0.125, 6, settings)
    target = Target("cylinder3d", 0.125, 6, settings)
    released = to_released(plan_of(target), ours.state_dict(), layout)
    assert {name: tuple(t.shape) for name, t in released.items() if t.ndim != 5} == {
        name: tuple(t.shape) for name, t in STATE.items() if t.ndim != 5
    }
    again = convert(released, rulebook="as_described")
    assert again.layout is layout
    assert again.target.width == 0.125
    assert list(again.tensors) == list(ours.state_dict())
    assert all(torch.equal(again.tensors[name], tensor) for name, tensor in ours.state_dict().items())


def test_a_point_branch_of_ours_stays_behind() -> None:
    settings = {"input_channels": 5, "rulebook": "as_described"}
    ours = build_backbone("cylinder3d", 0.125, 6, settings)
    assert any(name.startswith("point_branch.") for name in ours.state_dict())
    released = to_released(plan_of(Target("cylinder3d", 0.125, 6, settings)), ours.state_dict(), RSCK)
    assert released.keys() == STATE.keys()


def test_back_and_there_loses_the_ignored_output_alone() -> None:
    converted = convert(STATE)
    again = to_released(plan_of(converted.target), converted.tensors, RSCK)
    assert again.keys() == STATE.keys()
    differing = {name for name, tensor in STATE.items() if not torch.equal(again[name], tensor)}
    assert differing == {f"{NET}logits.weight", f"{NET}logits.bias"}
    assert torch.equal(again[f"{NET}logits.weight"][..., 1:], STATE[f"{NET}logits.weight"][..., 1:])
    logits = DenseCylinder3D(again, shared=True)(features(), GRID)
    assert (logits.argmax(1) > 0).all()


def test_the_point_mlp_of_the_nuscenes_student_is_known() -> None:
    """Its last layer alone is halved, with the rest of the network."""
    state = released_cylinder3d(initial=16, points=(64, 128, 256, 128))
    assert plan_for("cylinder3d", state, {}).target.settings["point_mlp"] == "scaled_output"


def test_a_point_mlp_of_no_known_size_is_refused() -> None:
    state = released_cylinder3d(points=(40, 128, 256, 256))
    with pytest.raises(ConversionError, match="point MLP of 40-128-256-256 channels; expected 64-128-256-256"):
        plan_for("cylinder3d", state, {})


def test_settings_that_contradict_the_file_are_refused() -> None:
    with pytest.raises(ConversionError, match="setting input_channels = 16; expected 5, as in the file"):
        plan_for("cylinder3d", STATE, {"input_channels": 16})
    with pytest.raises(ConversionError, match="rulebook"):
        convert(STATE, rulebook="as_imagined")
    with pytest.raises(ConversionError, match="colour"):
        convert(STATE, colour="red")


def test_kernels_of_another_definition_are_refused() -> None:
    """A fork whose up blocks end with a 1×3×3 kernel, which spconv 2 lets share a map."""
    fork = {**STATE, f"{NET}upBlock0.conv3.weight": torch.zeros(1, 3, 3, 64, 64)}
    with pytest.raises(
        ConversionError, match=r"1 tensors of another shape: .*upBlock0.conv3.weight \[1, 3, 3, 64, 64\]"
    ):
        convert(fork)
