from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from backbones.build import build_backbone, count_parameters
from backbones.convert.convert import to_released
from backbones.convert.layouts import RSCK, TORCHSPARSE
from backbones.convert.nets import NETS
from backbones.convert.plan import Target
from harness.data.labels import SEMANTICKITTI
from harness.errors import HarnessError
from harness.train.converted import CARD, convert_file, load_converted, read_card
from harness.train.released import read_released

TARGETS = {
    "cylinder3d": Target("cylinder3d", 0.125, 4, {"point_branch": False, "input_channels": 5}),
    "minkunet": Target("minkowskinet", 0.125, 4),
    "spvcnn": Target("spvnas", 0.125, 4),
}


def checkpoint(folder: Path, net: str) -> Path:
    """Write a small network as its released code would."""
    torch.manual_seed(5)
    target = TARGETS[net]
    ours = build_backbone(target.backbone, target.width, target.classes, target.settings)
    layout = RSCK if net == "cylinder3d" else TORCHSPARSE
    path = folder / f"{net}.pt"
    torch.save({"model": to_released(NETS[net].plan_of(target), ours.state_dict(), layout)}, path)
    return path


@pytest.mark.parametrize("net", TARGETS)
def test_a_converted_file_is_the_network_again(tmp_path: Path, net: str) -> None:
    source, out = checkpoint(tmp_path, net), tmp_path / "ours.safetensors"
    card = convert_file(source, net, {}, out)
    assert card == read_card(out)
    target, spec = TARGETS[net], card.backbone
    assert (spec.name, spec.width, spec.classes) == (target.backbone, target.width, 4)
    assert spec.voxel_size_m == (None if net == "cylinder3d" else 0.05)
    assert card.source.sha256 == read_released(source).sha256
    network = load_converted(out)
    torch.manual_seed(5)
    ours = build_backbone(target.backbone, target.width, target.classes, target.settings)
    assert count_parameters(network) == count_parameters(ours)
    assert all(torch.equal(tensor, ours.state_dict()[name]) for name, tensor in network.state_dict().items())
    assert next(network.parameters()).requires_grad


def test_the_card_holds_complete_settings(tmp_path: Path) -> None:
    out = tmp_path / "ours.safetensors"
    settings = convert_file(checkpoint(tmp_path, "cylinder3d"), "cylinder3d", {"z_m": [-5, 3]}, out).backbone.settings
    assert settings["rulebook"] == "as_released"
    assert settings["z_m"] == [-5, 3]
    assert settings["grid"] == [480, 360, 32]


def test_a_fault_leaves_what_was_there(tmp_path: Path) -> None:
    source, out = checkpoint(tmp_path, "minkunet"), tmp_path / "ours.safetensors"
    out.write_bytes(b"before")
    with pytest.raises(HarnessError, match="found tensors of minkunet or spvcnn"):
        convert_file(source, "cylinder3d", {}, out)
    assert out.read_bytes() == b"before"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["minkunet.pt", "ours.safetensors"]


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(HarnessError, match=r"ours\.safetensors: found"):
        convert_file(checkpoint(tmp_path, "minkunet"), "minkunet", {}, tmp_path / "file" / "ours.safetensors")


def test_the_released_file_is_never_overwritten(tmp_path: Path) -> None:
    source = checkpoint(tmp_path, "minkunet").rename(tmp_path / "ours.safetensors")
    before = source.read_bytes()
    (tmp_path / "link.safetensors").symlink_to(source)
    for out in (source, tmp_path / "link.safetensors"):
        with pytest.raises(HarnessError, match="--out: found the released file"):
            convert_file(source, "minkunet", {}, out)
    assert source.read_bytes() == before


def rewritten(path: Path, card: str | None, drop: str | None = None) -> Path:
    tensors = {name: tensor for name, tensor in load_file(path).items() if name != drop}
    save_file(tensors, path, None if card is None else {CARD: card})
    return path


@pytest.fixture
def ours(tmp_path: Path) -> Path:
    convert_file(checkpoint(tmp_path, "minkunet"), "minkunet", {}, tmp_path / "ours.safetensors")
    return tmp_path / "ours.safetensors"


def test_a_card_says_what_the_network_was_trained_on_and_an_older_one_that_nobody_told(ours: Path) -> None:
    assert read_card(ours).trained_on is None
    again = ours.with_name("again.safetensors")
    card = convert_file(ours.with_name("minkunet.pt"), "minkunet", {}, again, ("train", "val"))
    assert card.trained_on == read_card(again).trained_on == ("train", "val")
    older = card.model_dump(mode="json", exclude={"trained_on"})
    assert read_card(rewritten(again, json.dumps(older))).trained_on is None
    with pytest.raises(HarnessError, match="found a card that is not valid"):
        read_card(rewritten(again, json.dumps({**older, "trained_on": ["test"]})))


def changed(path: Path, **fields: object) -> str:
    card = read_card(path).model_dump(mode="json")
    return json.dumps({**card, "backbone": {**card["backbone"], **fields}})


def test_files_without_a_valid_card_are_refused(ours: Path) -> None:
    valid = read_card(ours).model_dump_json()
    with pytest.raises(HarnessError, match="found no card"):
        load_converted(rewritten(ours, None))
    for card in ("{}", "not JSON", valid.replace('"version":1', '"version":2'), valid.replace('"source"', '"sauce"')):
        with pytest.raises(HarnessError, match="found a card that is not valid"):
            load_converted(rewritten(ours, card))


def test_a_card_of_another_network_than_the_tensors_is_refused(ours: Path) -> None:
    for field, value, found in (
        ("width", 0.5, "tensors that differ"),
        ("classes", 5, "2 tensors that differ"),
        ("width", 80.0, r"teacher_width = 80.0: .*; expected a network that can be built"),
        ("name", "pointnet", "its card.name: found 'pointnet'; expected one of"),
        ("settings", {"colour": "red"}, "key settings.colour: found an unknown key"),
        ("voxel_size_m", 1e-30, "voxel_size_m = 1e-30"),
    ):
        valid = read_card(ours).model_dump_json()
        with pytest.raises(HarnessError, match=found) as caught:
            load_converted(rewritten(ours, changed(ours, **{field: value})))
        assert "\n" not in str(caught.value)
        rewritten(ours, valid)


def test_a_missing_tensor_or_another_type_is_refused(ours: Path) -> None:
    valid = read_card(ours).model_dump_json()
    tensors = load_file(ours)
    save_file({**tensors, "head.bias": tensors["head.bias"].half()}, ours, {CARD: valid})
    with pytest.raises(HarnessError, match=r"1 tensors that differ \(head.bias"):
        load_converted(ours)
    save_file(tensors, ours, {CARD: valid})
    with pytest.raises(HarnessError, match=r"1 tensors that differ \(stem.0.convolution.weight"):
        load_converted(rewritten(ours, valid, drop="stem.0.convolution.weight"))
    ours.write_bytes(ours.read_bytes()[:500])
    with pytest.raises(HarnessError, match="Convert the released file again"):
        load_converted(ours)
    with pytest.raises(HarnessError, match="No such file"):
        read_card(ours.with_name("nowhere.safetensors"))


def test_numbers_that_are_not_finite_are_refused(ours: Path) -> None:
    tensors = load_file(ours)
    broken = {**tensors, "head.bias": tensors["head.bias"] / 0}
    save_file(broken, ours, {CARD: read_card(ours).model_dump_json()})
    with pytest.raises(HarnessError, match=r"1 tensors with NaN or ∞ \(head.bias"):
        load_converted(ours)


def test_classes_of_the_spvnas_repository_stand_in_the_official_order() -> None:
    """Its data set numbers the kept classes as it meets them, by ascending raw id; ours are column c for id c + 1."""
    kept = {
        "car": 10, "bicycle": 11, "motorcycle": 15, "truck": 18, "other-vehicle": 20, "person": 30, "bicyclist": 31,
        "motorcyclist": 32, "road": 40, "parking": 44, "sidewalk": 48, "other-ground": 49, "building": 50, "fence": 51,
        "vegetation": 70, "trunk": 71, "terrain": 72, "pole": 80, "traffic-sign": 81,
    }  # fmt: skip
    numbered = sorted(kept, key=kept.__getitem__)
    assert tuple(numbered) == SEMANTICKITTI.names[1:]
    assert [SEMANTICKITTI.raw_to_train[kept[name]] for name in numbered] == list(range(1, 20))
