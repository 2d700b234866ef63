from __future__ import annotations

from harness.data.dataset import DataDescription
from harness.report.card_words import card_lines
from harness.report.cost_card import card_of_macs
from harness.report.flat import flat_data, flat_network
from harness.report.own_cards import card_of_count, card_of_folder, card_of_weights
from harness.spec import BackboneSpec, DatasetSpec, MacsResult, ProtocolCard
from harness.version import VERSION

DATA = DataDescription(
    name="nuscenes",
    synthetic=False,
    partial=True,
    scans={"val": 7},
    official_scans={"val": 6019},
    label_map="ab12",
    settings={"version": "v1.0-trainval"},
)
BACKBONE = BackboneSpec(name="minkowskinet", width=0.5, voxel_size_m=0.1, classes=16)
MACS = MacsResult(
    scans=2, gmacs_mean=2.0, gmacs_min=1.0, gmacs_max=3.0, voxels_mean=9.0, scan_ids=("a", "b"), macs=(1, 3)
)
PROTOCOL = ProtocolCard(
    scoring_rule="nuscenes-official",
    split="val",
    trained_on=("unknown",),
    tta=False,
    weights="as given",
    engine="portable",
    engine_version="1",
    device="CPU",
    torch="2",
    harness="0.6",
    commit=None,
)


def test_a_copy_has_the_keys_of_one_that_was_hashed() -> None:
    spec = DatasetSpec(**DATA.model_dump(), manifest="cd34")
    hashed = flat_data(spec)
    card = card_of_weights(DATA, BACKBONE, PROTOCOL)
    own = {key: value for key, value in card.items() if key.startswith("data")}
    assert own == {key: value for key, value in hashed.items() if key not in ("data.manifest", "data.skipped")}


def test_the_card_of_a_folder_has_every_key_of_that_of_weights_but_whose_they_are() -> None:
    folder = card_of_folder(DATA, "val", "nuscenes-official", None, {"data.truth_sha256": "ef56"})
    weights = card_of_weights(DATA, BACKBONE, PROTOCOL)
    assert weights.keys() - folder.keys() == {"weights", "network.width", "network.voxel_size_m"}
    assert folder.keys() - weights.keys() == {"data.truth_sha256"}
    assert list(card_lines(folder)) == [
        "data: nuscenes, label map ab12, synthetic no, partial yes, scans val 7 of 6019, "
        "settings version v1.0-trainval, truth sha256 ef56",
        "network: unknown, of a folder of predictions",
        "training: on unknown",
        "score: test-time augmentation unknown, split val, scoring rule nuscenes-official",
        "computed by: engine unknown, engine version unknown, device unknown, torch unknown",
        f"written by: harness {VERSION}, commit none",
    ]


def test_weights_that_tell_nothing_are_said_to_be_trained_on_unknown_splits() -> None:
    assert "training: on unknown, weights as given" in card_lines(card_of_weights(DATA, BACKBONE, PROTOCOL))


def test_a_count_is_told_by_its_scans_and_its_network() -> None:
    written_by = {"engine": "portable", "engine_version": "1", "torch": "2", "commit": None}
    card = card_of_count(MACS, BACKBONE, DATA, ["11", "22"], written_by)
    assert card.items() >= (card_of_macs(MACS) | flat_network(BACKBONE)).items()
    assert (card["commit"], len(card["macs.points"])) == ("none", 12)
    assert card["macs.points"] != card_of_count(MACS, BACKBONE, DATA, ["22", "11"], written_by)["macs.points"]
    assert card_of_count(MACS, BACKBONE, None, ["11", "22"], written_by)["data"] == "files of scans"
    assert list(card_lines(card))
