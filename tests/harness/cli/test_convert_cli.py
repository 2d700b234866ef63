from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from backbones.convert.convert import to_released
from backbones.convert.layouts import KRSC, RSCK, TORCHSPARSE
from backbones.convert.nets import NETS
from backbones.convert.plan import Target
from harness.cli import convert
from harness.train.converted import load_converted, read_card

MINKUNET = Target("minkowskinet", 0.125, 4)
CYLINDER3D = Target("cylinder3d", 0.125, 4, {"point_branch": False, "input_channels": 5})


@pytest.fixture
def minkunet(tmp_path: Path) -> Path:
    path = tmp_path / "init"
    state = MINKUNET.build("cpu").state_dict()
    torch.save({"model": to_released(NETS["minkunet"].plan_of(MINKUNET), state, TORCHSPARSE)}, path)
    return path


@pytest.fixture
def cylinder3d(tmp_path: Path) -> Path:
    path = tmp_path / "model.pt"
    state = CYLINDER3D.build("cpu").state_dict()
    torch.save(to_released(NETS["cylinder3d"].plan_of(CYLINDER3D), state, RSCK), path)
    return path


def test_the_verb_knows_the_networks_of_the_converter() -> None:
    assert tuple(NETS) == convert.NETS


def test_help_names_every_network_and_shows_examples(harness) -> None:
    outcome = harness("convert", "--help")
    assert outcome.code == 0
    assert all(net in outcome.out for net in NETS)
    assert "harness convert cyl_sem_1.0x_71_8.pt --net cylinder3d" in outcome.out


def test_a_file_is_converted_and_what_was_found_is_said(harness, cylinder3d: Path, tmp_path: Path) -> None:
    out = tmp_path / "ours.safetensors"
    outcome = harness("convert", cylinder3d, "--net", "cylinder3d", "--out", out)
    assert outcome.code == 0, outcome.err
    assert f"{out}: cylinder3d, width 0.125, 4 classes" in outcome.out
    assert "read as cylinder3d in the layout spconv 1.x (RSCK), SHA-256 " in outcome.out
    assert 'rulebook: "as_released"' in outcome.out
    assert "note: The first of the file's 5 outputs, that of the ignored id 0, was dropped." in outcome.out
    assert load_converted(out).stage_channels["context"] == 4


def test_what_it_was_trained_on_is_said_by_who_converts(harness, minkunet: Path, tmp_path: Path) -> None:
    out = tmp_path / "ours.safetensors"
    command = ("convert", minkunet, "--net", "minkunet", "--out", out)
    assert "trained on unknown splits" in harness(*command).out
    assert read_card(out).trained_on is None
    for told, splits in (("train", ("train",)), ("train+val", ("train", "val"))):
        assert f"trained on {told}\n" in harness(*command, "--trained-on", told).out
        assert read_card(out).trained_on == splits
    assert harness(*command, "--trained-on", "val").code == 2


def test_json_is_the_card(harness, minkunet: Path, tmp_path: Path) -> None:
    out = tmp_path / "ours.safetensors"
    outcome = harness("convert", minkunet, "--net", "minkunet", "--out", out, "--json")
    assert outcome.code == 0, outcome.err
    said = json.loads(outcome.out)
    assert said["path"] == str(out)
    assert said["backbone"]["name"] == "minkowskinet"
    assert (said["backbone"]["width"], said["backbone"]["classes"]) == (0.125, 4)
    assert said["source"]["layout"] == "torchsparse"


def test_options_choose_settings(harness, cylinder3d: Path, tmp_path: Path) -> None:
    out = tmp_path / "ours.safetensors"
    chosen = ("--rulebook", "as_described", "--setting", "z_m=[-5, 3]")
    outcome = harness("convert", cylinder3d, "--net", "cylinder3d", "--out", out, *chosen, "--json")
    assert outcome.code == 0, outcome.err
    settings = json.loads(outcome.out)["backbone"]["settings"]
    assert (settings["rulebook"], settings["z_m"]) == ("as_described", [-5, 3])


@pytest.mark.parametrize(
    "more, message",
    [
        (("--net", "cylinder3d"), "found tensors of minkunet or spvcnn; expected tensors of cylinder3d"),
        (("--net", "minkunet", "--rulebook", "as_released"), "only cylinder3d has one; --net is minkunet"),
        (("--net", "minkunet", "--setting", "rulebook"), "expected KEY=VALUE"),
        (("--net", "minkunet", "--setting", "rulebook=2024-13-45"), "expected a YAML or JSON value"),
        (
            ("--net", "spvcnn", "--setting", "colour=red"),
            "the unknown setting colour; expected one of coordinates, dropout, net_config",
        ),
        (("--net", "pointnet"), "'pointnet' is not one of"),
    ],
)
def test_faults_of_the_user_are_told_and_nothing_is_written(
    harness, minkunet: Path, tmp_path: Path, more: tuple[str, ...], message: str
) -> None:
    out = tmp_path / "ours.safetensors"
    outcome = harness("convert", minkunet, "--out", out, *more)
    assert outcome.code == 2
    assert message in " ".join(outcome.err.split())
    assert "Traceback" not in outcome.err
    assert not out.exists()


def test_other_faults_of_the_command(harness, minkunet: Path, tmp_path: Path) -> None:
    out = tmp_path / "ours.safetensors"
    assert (
        "must end in .safetensors"
        in harness("convert", minkunet, "--net", "minkunet", "--out", out.with_suffix(".pt")).err
    )
    missing = harness("convert", tmp_path / "nowhere", "--net", "minkunet", "--out", out)
    assert missing.code == 2
    assert "No such file" in missing.err
    (tmp_path / "large.json").write_text(" " * (1 << 20) + "1")
    large = harness(
        "convert", minkunet, "--net", "spvnas", "--setting", f"net_config=@{tmp_path}/large.json", "--out", out
    )
    assert large.code == 2
    assert "large.json has more than 1048576 characters" in " ".join(large.err.split())
    (tmp_path / "net.config").write_text("{}")
    wrong = harness("convert", minkunet, "--net", "spvnas", "--net-config", tmp_path / "net.config", "--out", out)
    assert wrong.code == 2
    assert "output_channels" in wrong.err
    twice = ("--rulebook", "as_released", "--setting", "rulebook=as_described")
    both = harness("convert", minkunet, "--net", "cylinder3d", "--out", out, *twice)
    assert "--setting rulebook=… is given too" in " ".join(both.err.split())


def test_a_list_of_what_did_not_match_is_printed(harness, minkunet: Path, tmp_path: Path) -> None:
    content = torch.load(minkunet, weights_only=True)
    del content["model"]["up3.0.net.0.kernel"]
    content["model"]["teacher.weight"] = torch.zeros(1)
    torch.save(content, minkunet)
    outcome = harness("convert", minkunet, "--net", "minkunet", "--out", tmp_path / "ours.safetensors")
    assert outcome.code == 2
    assert "1 tensors missing: up3.0.net.0.kernel; 1 tensors unknown: teacher.weight" in outcome.err


def test_a_layout_of_spconv_2_is_recognised(harness, tmp_path: Path) -> None:
    path, out = tmp_path / "model.pt", tmp_path / "ours.safetensors"
    state = CYLINDER3D.build("cpu").state_dict()
    torch.save(to_released(NETS["cylinder3d"].plan_of(CYLINDER3D), state, KRSC), path)
    outcome = harness("convert", path, "--net", "cylinder3d", "--out", out)
    assert outcome.code == 0, outcome.err
    assert "in the layout spconv 2.x (KRSC)" in outcome.out
    assert (
        "rulebook: as_described. The file has the layout under which spconv 2 gives each kernel its own map"
        in outcome.out
    )


def test_converted_weights_are_measured_and_an_engine_that_is_not_there_is_a_users_fault(
    harness, cylinder3d: Path, tmp_path: Path
) -> None:
    out, scan = tmp_path / "ours.safetensors", tmp_path / "000000.bin"
    scan.write_bytes(torch.rand(200, 4).numpy().tobytes())
    assert harness("convert", cylinder3d, "--net", "cylinder3d", "--out", out).code == 0
    command = ("measure", "macs", "--weights", out, "--scan", scan)
    [network] = json.loads(harness(*command, "--json").out)["networks"]
    assert network["macs"]["gmacs_mean"] > 0
    assert "with_ignored_output" not in network
    outcome = harness(*command, "--engine", "nowhere")
    assert outcome.code == 2
    assert "There is no sparse engine 'nowhere'" in outcome.err
    decided = harness(*command, "--width", "0.5")
    assert decided.code == 2
    assert "--weights decides --width" in decided.err
