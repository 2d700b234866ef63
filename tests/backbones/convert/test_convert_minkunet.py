"""MinkUNet and SPVCNN files against the released definitions, written down a second time."""

from __future__ import annotations

import pytest
import torch
from full_grid import full_grid
from released_spvnas import DenseNetwork, State, manual, released_state

from backbones.backbone import Backbone
from backbones.build import build_backbone
from backbones.convert.convert import Converted, from_released, to_released
from backbones.convert.errors import ConversionError
from backbones.convert.layouts import TORCHSPARSE
from backbones.convert.minkunet import plan_of
from backbones.convert.nets import plan_for
from backbones.convert.plan import Target

GRID, LONG_GRID = (16, 16, 16), (32, 16, 16)
NET = manual((4, 4, 8, 16, 32, 32, 16, 12, 12))
STATE = released_state(NET, classes=5)


def convert(state: State, net: str, **settings: object) -> Converted:
    return from_released(plan_for(net, state, settings), state)


def built(converted: Converted) -> Backbone:
    target = converted.target
    network = build_backbone(target.backbone, target.width, target.classes, target.settings)
    network.load_state_dict(converted.tensors)
    return network.eval()


def features(grid: tuple[int, int, int] = GRID) -> torch.Tensor:
    return torch.randn(grid[0] * grid[1] * grid[2], 4, generator=torch.Generator().manual_seed(3))


def logits_of(network: Backbone, grid: tuple[int, int, int] = GRID) -> torch.Tensor:
    with torch.no_grad():
        return network.predict(full_grid(grid, features(grid), voxel_size_m=0.05))


def test_a_converted_minkunet_computes_what_the_released_one_does() -> None:
    expected = DenseNetwork(NET, STATE).minkunet(features(), GRID)
    torch.testing.assert_close(logits_of(built(convert(STATE, "minkunet"))), expected, rtol=1e-4, atol=1e-4)


def test_a_converted_spvcnn_computes_what_the_released_one_does() -> None:
    expected = DenseNetwork(NET, STATE).spvcnn(features(LONG_GRID), LONG_GRID)
    network = built(convert(STATE, "spvcnn", coordinates="exact"))
    torch.testing.assert_close(logits_of(network, LONG_GRID), expected, rtol=1e-4, atol=1e-4)


def test_a_kernel_read_in_the_other_order_changes_the_logits() -> None:
    transposed = {
        name: t.unflatten(0, (3, 3, 3)).transpose(0, 2).flatten(0, 2) if t.ndim == 3 and len(t) == 27 else t
        for name, t in STATE.items()
    }
    expected = DenseNetwork(NET, STATE).minkunet(features(), GRID)
    assert (logits_of(built(convert(transposed, "minkunet"))) - expected).abs().max() > 1e-2


def test_both_networks_have_317_tensors_of_the_same_names() -> None:
    for net, backbone in (("minkunet", "minkowskinet"), ("spvcnn", "spvnas")):
        target = Target(backbone, 0.125, 5)
        plan = plan_of(net, target)
        released = to_released(plan, target.build("cpu").state_dict(), TORCHSPARSE)
        assert len(released) == 317
        assert {name: t.shape for name, t in released.items()} == {name: t.shape for name, t in STATE.items()}


@pytest.mark.parametrize(
    "channels, width",
    [
        ((32, 32, 64, 128, 256, 256, 128, 96, 96), 1.0),
        ((20, 20, 40, 81, 163, 163, 81, 61, 61), 0.64),
        ((16, 16, 32, 64, 128, 128, 64, 48, 48), 0.5),
    ],
)
def test_the_published_widths_are_read_from_the_shapes(channels: tuple[int, ...], width: float) -> None:
    target = plan_for("minkunet", released_state(manual(channels), classes=19), {}).target
    assert (target.width, target.classes) == (width, 19)


def test_stages_of_no_common_width_are_refused() -> None:
    state = released_state(manual((4, 4, 8, 16, 32, 32, 16, 12, 20)), classes=5)
    with pytest.raises(
        ConversionError, match="stages of 4, 4, 8, 16, 32, 32, 16, 12, 20 channels; expected one factor"
    ):
        plan_for("minkunet", state, {})


def test_the_point_branch_goes_where_it_is_called() -> None:
    minkunet, spvcnn = convert(STATE, "minkunet"), convert(STATE, "spvcnn")
    assert not any(name.startswith("point") for name in minkunet.tensors)
    assert any("21 tensors that no prediction reads were dropped: point_transforms" in n for n in minkunet.target.notes)
    assert torch.equal(spvcnn.tensors["point2.0.weight"], STATE["point_transforms.1.0.weight"])
    for converted, name in ((minkunet, "minkunet"), (spvcnn, "spvcnn")):
        assert f"this one was read as {name}" in converted.target.notes[0]


def test_there_and_back_is_exact() -> None:
    torch.manual_seed(1)
    for net, backbone in (("minkunet", "minkowskinet"), ("spvcnn", "spvnas")):
        ours = build_backbone(backbone, 0.125, 5).state_dict()
        again = convert(to_released(plan_of(net, Target(backbone, 0.125, 5)), ours, TORCHSPARSE), net)
        assert again.target.width == 0.125
        assert list(again.tensors) == list(ours)
        assert all(torch.equal(again.tensors[name], tensor) for name, tensor in ours.items())


def test_back_and_there_is_exact_but_for_what_minkunet_never_calls() -> None:
    for net in ("minkunet", "spvcnn"):
        converted = convert(STATE, net)
        again = to_released(plan_of(net, converted.target), converted.tensors, TORCHSPARSE)
        assert again.keys() == STATE.keys()
        lost = {name for name, tensor in STATE.items() if not torch.equal(again[name], tensor)}
        assert all(name.startswith("point_transforms.") for name in lost)
        assert bool(lost) == (net == "minkunet")
