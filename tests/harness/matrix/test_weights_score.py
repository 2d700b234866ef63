"""The score of files of weights, and of which scans they have none."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from tiny_matrix import BothKinds

from backbones.build import build_backbone
from backbones.convert.convert import to_released
from backbones.convert.layouts import TORCHSPARSE
from backbones.convert.nets import NETS
from backbones.convert.plan import Target
from harness.cli.evaluate import command
from harness.data.multiscan import SemanticKittiMultiScan
from harness.data.nuscenes.dataset import NuScenes
from harness.data.semantickitti import SemanticKitti
from harness.data.splits import Split
from harness.data.street.nuscenes_write import synthesize_nuscenes
from harness.errors import HarnessError
from harness.matrix.weights_score import score_weights
from harness.spec import TrainingSplit
from harness.store import Store
from harness.train.converted import convert_file, load_converted
from harness.train.weights import FILE

CPU = torch.device("cpu")
Splits = tuple[TrainingSplit, ...]


def converted(folder: Path, trained_on: Splits | None, classes: int = 19) -> Path:
    """A small network of released code, converted."""
    torch.manual_seed(5)
    target, out = Target("minkowskinet", 0.0625, classes), folder / "ours.safetensors"
    ours = build_backbone(target.backbone, target.width, target.classes, target.settings)
    torch.save(to_released(NETS["minkunet"].plan_of(target), ours.state_dict(), TORCHSPARSE), folder / "released.pt")
    convert_file(folder / "released.pt", "minkunet", {}, out, trained_on)
    return out


@pytest.mark.parametrize(
    "trained_on, split, told",
    [(None, "val", ("unknown",)), (None, "train", ("unknown",)), (("train",), "val", ("train",))],
)
def test_converted_weights_are_scored_as_their_network_predicts(
    root: Path, tmp_path: Path, trained_on: Splits | None, split: Split, told: tuple[str, ...]
) -> None:
    path, dataset, done = converted(tmp_path, trained_on), SemanticKitti(root), list[tuple[int, int]]()
    score, card = score_weights(path, dataset, split, CPU, progress=lambda *scans: done.append(scans))
    assert (card.split, card.trained_on, card.tta, card.engine) == (split, told, False, "portable")
    assert card.scoring_rule == "semantickitti-official"
    scan_ids = dataset.scan_ids(split)
    assert done == [(number, len(scan_ids)) for number in range(1, len(scan_ids) + 1)]
    network = load_converted(path).eval()
    assert sum(map(sum, score.confusion)) == sum(len(dataset.read(scan_id).xyz) for scan_id in scan_ids)
    assert next(network.parameters()).device == CPU
    assert len(score.by_distance) == 5
    assert [stretch.scans for stretch in score.stretches] == [len(scan_ids)]


@pytest.mark.parametrize("trained_on, split", [(("train",), "train"), (("train", "val"), "val")])
def test_a_network_has_no_score_on_what_it_was_trained_on(
    root: Path, tmp_path: Path, trained_on: Splits, split: Split
) -> None:
    path = converted(tmp_path, trained_on)
    with pytest.raises(HarnessError, match=f"found a network that was trained on train.*not seen the {split} split"):
        score_weights(path, SemanticKitti(root), split, CPU)


def test_a_network_of_other_classes_and_a_split_without_labels_are_refused(write_sequences, tmp_path: Path) -> None:
    path, root = converted(tmp_path, None), write_sequences({"00": 1, "08": 1, "11": 1})
    with pytest.raises(HarnessError, match="found a network with 19 classes; expected the 25 of semantickitti-multi"):
        score_weights(path, SemanticKittiMultiScan(root), "val", CPU)
    with pytest.raises(HarnessError, match="test split: found no public labels"):
        score_weights(path, SemanticKitti(root), "test", CPU)


def test_a_split_of_ignored_points_has_no_mean_by_the_rule_that_leaves_absent_classes_out(tmp_path: Path) -> None:
    root = tmp_path / "set"
    synthesize_nuscenes(root, scans=3, seed=2, azimuths=16)
    dataset = NuScenes(root)
    for scan_id in dataset.scan_ids("val"):
        path = dataset.labels_path(scan_id)
        path.write_bytes(bytes(path.stat().st_size))
    with pytest.raises(HarnessError, match="val split: found not one point of a scored class"):
        score_weights(converted(tmp_path, None, classes=16), dataset, "val", CPU)


def test_a_cells_weights_score_what_its_result_says_and_tell_what_they_saw(
    both_kinds: BothKinds, tmp_path: Path
) -> None:
    store, dataset = Store(shutil.copytree(both_kinds.out, tmp_path / "runs")), SemanticKitti(both_kinds.root)
    plain, cell = both_kinds.plain[-1], both_kinds.both[-1]
    path, other = (store.find(result.spec.hash).path / FILE for result in (plain, cell))
    score, card = score_weights(path, dataset, "val", CPU)
    assert (score, card) == (plain.score, plain.protocol)
    with pytest.raises(HarnessError, match="trained on train and val; expected one that has not seen the val split"):
        score_weights(other, dataset, "val", CPU)
    path.write_bytes(other.read_bytes())
    with pytest.raises(HarnessError, match=r"found weights trained on train\+val, as they say; expected on train"):
        score_weights(path, dataset, "val", CPU)


def test_the_command_line_scores_the_same(root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = converted(tmp_path, ("train",))
    score, card = score_weights(path, SemanticKitti(root), "val", CPU)
    arguments = ["--weights", str(path), "--semantickitti", str(root), "--device", "cpu"]
    command.main(arguments, standalone_mode=False)
    text = capsys.readouterr().out
    assert text.startswith(f"mIoU {100 * score.miou:.2f} %")
    assert all(part in text for part in ("rule semantickitti-official", "mIoU by distance", "08  (2 scans)"))
    assert "  training: on train, weights as given" in text.splitlines()
    assert any(line.startswith("  network: minkowskinet, width ") for line in text.splitlines())
    command.main([*arguments, "--json"], standalone_mode=False)
    record = json.loads(capsys.readouterr().out)
    assert (record["card"]["trained_on"], record["card"]["data"]) == ("[train]", "semantickitti")
    assert record["protocol"] == card.model_dump(mode="json")
    assert {key: record[key] for key in score.model_dump()} == score.model_dump(mode="json")
    assert record["by_sequence"]["08"]["miou"] == score.miou


def test_a_file_that_says_nothing_of_its_network_is_refused(both_kinds: BothKinds, tmp_path: Path) -> None:
    path = tmp_path / FILE
    path.write_bytes((Store(both_kinds.out).find(both_kinds.plain[0].spec.hash).path / FILE).read_bytes())
    with pytest.raises(HarnessError, match="found no card"):
        score_weights(path, SemanticKitti(both_kinds.root), "val", CPU)
