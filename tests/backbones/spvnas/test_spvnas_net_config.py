from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from spvnas_scenes import MIDDLES, OUTPUTS, TRANSITIONS, published_config, random_voxels

from backbones.build import backbone_settings, build_backbone
from backbones.spvnas.net_config import KEYS, MOST_BYTES, NetConfig, read_net_config

MOST = (32, 48, 96, 192, 384, 384, 192, 128, 128)
LEAST = (32, 16, 32, 64, 128, 128, 64, 48, 48)


def test_the_format_has_the_keys_that_the_public_code_writes() -> None:
    assert set(published_config()) == set(KEYS)


def test_channels_are_those_of_the_configuration() -> None:
    with torch.device("meta"):
        net = build_backbone("spvnas", 1.0, 19, {"net_config": published_config()})
    assert [
        net.stage_channels[name] for name in ("stem", *(f"{s}{n}" for s in ("down", "up") for n in (1, 2, 3, 4)))
    ] == (OUTPUTS)
    shape = {key: tuple(value.shape) for key, value in net.state_dict().items()}
    for side, name, enters in (("downsample", "down", OUTPUTS[:4]), ("upsample", "up", OUTPUTS[4:8])):
        for stage in range(4):
            transition, middles = TRANSITIONS[side][stage], MIDDLES[side][stage]
            output = OUTPUTS[stage + (1 if name == "down" else 5)]
            skip = 0 if name == "down" else OUTPUTS[3 - stage]
            module = f"{name}{stage + 1}"
            assert shape[f"{module}.{name}.convolution.weight"] == (8, enters[stage], transition)
            entering = transition + skip
            for block, middle in enumerate(middles):
                inner = f"{module}.blocks.{block}"
                assert shape[f"{inner}.first.convolution.weight"] == (27, entering, middle)
                assert shape[f"{inner}.second.convolution.weight"] == (27, middle, output)
                assert (f"{inner}.shortcut.convolution.weight" in shape) == (block == 0)
                entering = output
            assert f"{module}.blocks.{len(middles)}.first.convolution.weight" not in shape
    assert [shape[f"point{n}.0.weight"] for n in (1, 2, 3)] == [(128, 32), (72, 128), (52, 72)]
    assert shape["head.weight"] == (19, 52)


def test_a_first_block_projects_even_where_its_width_stays() -> None:
    """The public code decides at the largest widths: 48 into 96 channels, whatever was chosen within them."""
    config = published_config() | {"downsample.1.transition": OUTPUTS[2]}
    with torch.device("meta"):
        net = build_backbone("spvnas", 1.0, 19, {"net_config": config})
    assert tuple(net.state_dict()["down2.blocks.0.shortcut.convolution.weight"].shape) == (1, 40, 40)


def test_width_scales_every_channel_count() -> None:
    with torch.device("meta"):
        half = build_backbone("spvnas", 0.5, 19, {"net_config": published_config()})
    assert list(half.stage_channels.values())[:9] == [width // 2 for width in OUTPUTS]
    assert tuple(half.state_dict()["down1.blocks.0.first.convolution.weight"].shape) == (27, 6, 8)
    with pytest.raises(ValueError, match=r"width 0.05 leaves nothing of a layer of 16 channels"):
        build_backbone("spvnas", 0.05, 19, {"net_config": published_config()})


def test_keys_that_repeat_others_may_be_missing_and_are_not_read() -> None:
    full = published_config()
    choosing = ("output_channels", "transition", "feature", "net.layers.0")
    short = {key: value for key, value in full.items() if key.endswith(choosing) and value is not None}
    stale = full | {"point_transforms.0": 8, "downsample.0.feature.layers.0.net.layers.1": 4}
    assert NetConfig(short).shape() == NetConfig(full).shape() == NetConfig(stale).shape()


def test_settings_survive_a_round_trip_through_json() -> None:
    made = backbone_settings("spvnas", {"net_config": published_config(), "dropout": 0.1})
    again = backbone_settings("spvnas", json.loads(made.model_dump_json()))
    assert again == made
    assert again.model_dump(mode="json")["net_config"] == published_config()


BAD = [
    ({"downsample.0.transition": 36}, r"'downsample.0.transition' is 36; expected an integer from 4 to 32"),
    ({"downsample.3.transition": 20}, r"'downsample.3.transition' is 20; expected an integer from 24 to 192"),
    ({"upsample.0.transition": 388}, r"'upsample.0.transition' is 388; expected an integer from 48 to 384"),
    ({"upsample.3.feature": 3}, r"'upsample.3.feature' is 3; expected an integer from 1 to 2"),
    ({"upsample.3.feature": None}, r"'upsample.3.feature' is None; expected an integer from 1 to 2"),
    ({"downsample.0.feature": True}, r"'downsample.0.feature' is True; expected an integer"),
    ({"downsample.0.feature": 2}, r"'downsample.0.feature.layers.1.net' is None; expected 2"),
    ({"downsample.1.feature.layers.1.net": 1}, r"layers.1.net' is 1; expected 2: a block has two convolutions"),
    ({"downsample.1.feature.layers.1.net.layers.0": 2.5}, r"layers.0' is 2.5; expected an integer from 12 to 96"),
    ({"output_channels": [32, 48]}, r"'output_channels' is \[32, 48\]; expected 9 integers"),
    ({"output_channels": [*OUTPUTS[:8], 132]}, r"'output_channels\[8\]' is 132; expected an integer from 48 to 128"),
    ({"output_channels": [16, *OUTPUTS[1:]]}, r"'output_channels\[0\]' is 16; expected an integer from 32 to 32"),
    ({"vres": 0.1}, r"'pres' is 0.05 and 'vres' is 0.1; expected equal sizes"),
    (
        {"downsample.0.transitions": 8},
        r"unknown key 'downsample.0.transitions'; did you mean 'downsample.0.transition'",
    ),
    ({"downsample.0.transition": "x" * 900}, r"is 'x{58}…; expected an integer"),
]


@pytest.mark.parametrize("change, message", BAD, ids=[str(n) for n in range(len(BAD))])
def test_a_bad_configuration_names_key_found_and_expected(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build_backbone("spvnas", 1.0, 19, {"net_config": published_config() | change})


@pytest.mark.parametrize("key", ["output_channels", "upsample.1.transition", "downsample.2.feature"])
def test_a_missing_choice_is_named(key: str) -> None:
    config = published_config()
    del config[key]
    with pytest.raises(ValueError, match=rf"'{key}' is (missing|None); expected"):
        NetConfig(config)


def test_a_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "net.config"
    path.write_text(json.dumps(published_config()))
    assert read_net_config(path) == NetConfig(published_config())


@pytest.mark.parametrize(
    "content, message",
    [
        ("{", "not JSON"),
        ("[" * 60_000, "not JSON"),
        (b"\xff\xfe\xfd", "not JSON"),
        ("[1, 2]", "valid dictionary"),
        (json.dumps(published_config() | {"pres": 1}), "'pres' is 1 and 'vres' is 0.05"),
        (" " * (MOST_BYTES + 1), f"larger than {MOST_BYTES} bytes"),
    ],
    ids=["cut", "deep", "bytes", "list", "values", "large"],
)
def test_a_bad_file_is_refused_with_its_name(tmp_path: Path, content: str | bytes, message: str) -> None:
    path = tmp_path / "net.config"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ValueError, match=message) as refusal:
        read_net_config(path)
    assert str(path) in str(refusal.value)


@st.composite
def valid_configs(draw: st.DrawFn) -> dict[str, Any]:
    """A draw as the search makes it: every width a multiple of 4, at least an eighth of the largest."""

    def width(most: int, least: int | None = None) -> int:
        low = most // 8 // 4 * 4 if least is None else least
        return 4 * draw(st.integers(low // 4, most // 4))

    config: dict[str, Any] = {"output_channels": [width(m, n) for m, n in zip(MOST, LEAST, strict=True)]}
    for side, first, entering in (("downsample", 1, MOST[:4]), ("upsample", 5, MOST[5:])):
        for stage in range(4):
            name = f"{side}.{stage}"
            config[f"{name}.transition"] = width(entering[stage])
            config[f"{name}.feature"] = depth = draw(st.integers(1, 2))
            for block in range(depth):
                config[f"{name}.feature.layers.{block}.net.layers.0"] = width(MOST[first + stage])
    return config


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(config=valid_configs())
def test_every_configuration_within_the_bounds_runs(config: dict[str, Any]) -> None:
    net = build_backbone("spvnas", 0.25, 3, {"net_config": config})
    voxels = random_voxels((40,))
    output = net(voxels)
    assert output.prediction_logits.shape == (len(voxels.coordinates), 3)
    output.prediction_logits.sum().backward()
    assert {name: stage.features.shape[1] for name, stage in output.stages.items()} == net.stage_channels
