"""What does not match is listed, all of it, and nothing is converted."""

from __future__ import annotations

import pytest
import torch
from released_cylinder3d import NET, released_cylinder3d
from released_spvnas import State, manual, released_state

from backbones.convert.convert import Converted, from_released
from backbones.convert.errors import ConversionError, listed
from backbones.convert.nets import NETS, plan_for

MINKUNET = released_state(manual((4, 4, 8, 16, 32, 32, 16, 12, 12)), classes=5)
CYLINDER3D = released_cylinder3d()


def convert(state: State, net: str = "minkunet") -> Converted:
    return from_released(plan_for(net, state, {}), state)


def without(state: State, *names: str) -> State:
    return {name: tensor for name, tensor in state.items() if name not in names}


def test_missing_unknown_and_misshapen_tensors_are_listed_together() -> None:
    state = without(MINKUNET, "up3.0.net.0.kernel", "stage2.1.net.1.running_var")
    state |= {"extra.weight": torch.zeros(3), "classifier.0.weight": torch.zeros(5, 11)}
    with pytest.raises(ConversionError) as caught:
        convert(state)
    assert caught.value.found == (
        "2 tensors missing: stage2.1.net.1.running_var, up3.0.net.0.kernel; 1 tensors unknown: extra.weight; "
        "1 tensors of another shape: classifier.0.weight [5, 11] instead of [5, 12]"
    )
    assert "tensors of minkunet at width 0.125 in the layout torchsparse" in caught.value.expected


def test_another_number_of_classes_in_weight_than_in_bias_is_a_wrong_shape() -> None:
    state = {**CYLINDER3D, f"{NET}logits.bias": torch.zeros(9)}
    with pytest.raises(ConversionError, match=r"logits.weight \[3, 3, 3, 16, 7\] instead of \[3, 3, 3, 16, 9\]"):
        convert(state, "cylinder3d")


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_numbers_that_are_not_finite_are_refused(value: float) -> None:
    broken = MINKUNET["stage3.1.net.1.running_mean"].clone()
    broken[2] = value
    with pytest.raises(ConversionError, match=r"1 tensors not finite \(NaN or ∞\): stage3.1.net.1.running_mean"):
        convert({**MINKUNET, "stage3.1.net.1.running_mean": broken})


def test_a_variance_below_zero_is_refused() -> None:
    """The network would give NaN."""
    broken = MINKUNET["stage3.1.net.1.running_var"].clone()
    broken[2] = -0.1
    with pytest.raises(ConversionError, match=r"1 tensors with a variance below 0: stage3.1.net.1.running_var"):
        convert({**MINKUNET, "stage3.1.net.1.running_var": broken})


@pytest.mark.parametrize("dtype", [torch.float64, torch.int32, torch.complex64])
def test_numbers_that_float32_would_change_are_refused(dtype: torch.dtype) -> None:
    other = {**MINKUNET, "stem.0.kernel": MINKUNET["stem.0.kernel"].to(dtype)}
    with pytest.raises(ConversionError, match=f"1 tensors of another type: stem.0.kernel {dtype}"):
        convert(other)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_widened_exactly(dtype: torch.dtype) -> None:
    half = {name: t.to(dtype) if t.is_floating_point() else t for name, t in MINKUNET.items()}
    converted = convert(half)
    assert torch.equal(converted.tensors["head.weight"].to(dtype), half["classifier.0.weight"])
    assert converted.tensors["head.weight"].dtype == torch.float32
    assert any("widened to float32" in note for note in converted.target.notes)


def test_counters_of_batch_normalisation_may_be_missing() -> None:
    old = {name: tensor for name, tensor in MINKUNET.items() if not name.endswith("num_batches_tracked")}
    converted = convert(old)
    counters = [tensor for name, tensor in converted.tensors.items() if name.endswith("num_batches_tracked")]
    assert len(counters) == 49
    assert all(counter.dtype == torch.int64 and counter == 0 for counter in counters)
    assert any("49 counters of batch normalisation are not in the file" in note for note in converted.target.notes)
    assert convert(MINKUNET).tensors["stem.0.norm.num_batches_tracked"] == 7


@pytest.mark.parametrize("net, other", [("minkunet", "cylinder3d"), ("spvnas", "cylinder3d"), ("spvcnn", "cylinder3d")])
def test_a_file_of_another_network_is_named(net: str, other: str) -> None:
    with pytest.raises(ConversionError) as caught:
        convert(CYLINDER3D, net)
    assert caught.value.found == f"tensors of {other}"
    assert caught.value.remedy == f"Try --net {other}."


def test_a_minkunet_file_is_one_of_two() -> None:
    with pytest.raises(ConversionError, match="found tensors of minkunet or spvcnn; expected tensors of cylinder3d"):
        convert(MINKUNET, "cylinder3d")


@pytest.mark.parametrize("net", NETS)
def test_a_file_of_no_known_network_is_refused(net: str) -> None:
    with pytest.raises(ConversionError, match="found no tensors .*, and .* more; expected tensors of " + net):
        convert({"layer1.weight": torch.zeros(2, 2)}, net)


@pytest.mark.parametrize("net, name", [("cylinder3d", f"{NET}downCntx.bn0.weight"), ("minkunet", "stem.1.weight")])
def test_a_landmark_of_another_rank_is_refused(net: str, name: str) -> None:
    state = CYLINDER3D if net == "cylinder3d" else MINKUNET
    with pytest.raises(ConversionError, match=f"no tensors {name}"):
        convert({**state, name: torch.zeros(())}, net)


def test_a_network_that_is_too_wide_is_refused_before_its_numbers_are_touched() -> None:
    """A hostile file may claim shapes far beyond its size by strides of zero."""
    huge = dict(CYLINDER3D)
    for name in (f"{NET}downCntx.bn0.weight", f"{NET}logits.bias"):
        huge[name] = torch.zeros(1).expand(10**9)
    with pytest.raises(ConversionError, match=r"width 31250000.0 is outside"):
        convert(huge, "cylinder3d")


def test_an_empty_head_is_refused() -> None:
    with pytest.raises(ConversionError, match="outputs for 0 classes"):
        convert({**CYLINDER3D, f"{NET}logits.bias": torch.zeros(1)}, "cylinder3d")


def test_tensors_are_copies() -> None:
    state = {name: tensor.clone() for name, tensor in MINKUNET.items()}
    converted = convert(state)
    before = converted.tensors["head.weight"].clone()
    state["classifier.0.weight"].zero_()
    assert torch.equal(converted.tensors["head.weight"], before)


def test_long_lists_are_cut() -> None:
    assert listed(["a", "b", "c"], most=2) == "a, b, and 1 more"
