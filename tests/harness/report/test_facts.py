"""No key of a card may differ between two rows of a table without the table telling it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from made_up_record import MINKOWSKINET, process, record, together

from harness.report.card import card_of_cell
from harness.report.cost_card import card_of_latency
from harness.report.facts import SHOWN_ELSEWHERE, card_facts, data_notes, differences, record_facts, shown_elsewhere
from harness.report.flat import merge
from harness.report.grouping import build_rows
from harness.report.tables import build_class_tables, build_table
from harness.spec import CellResult, MeasureSpec, TtaResult, TtaSpec

VIEWS = TtaSpec(flip=("none", "x"))
MIX = {"kinds": ["lasermix"], "inclination_deg": [-25, 3], "areas": [3, 4]}

# A key of the card, where a result has it, and another value. Several places where one alone would be no result.
CHANGES: list[tuple[str, dict[str, Any]]] = [
    ("data", {"spec.dataset.name": "nuscenes"}),
    ("data.manifest", {"spec.dataset.manifest": "ffff" * 4}),
    ("data.label_map", {"spec.dataset.label_map": "ffff" * 3}),
    ("data.synthetic", {"spec.dataset.synthetic": True}),
    ("data.partial", {"spec.dataset.partial": True}),
    ("data.scans.train", {"spec.dataset.scans.train": 39}),
    ("data.scans.val", {"spec.dataset.official_scans.val": 4070}),
    ("data.skipped", {"spec.dataset.skipped": ["00/000001"]}),
    ("data.settings.past_scans", {"spec.dataset.settings.past_scans": 3}),
    ("network", {"spec.backbone.name": "minkowskinet"}),
    ("network.width", {"spec.backbone.width": 0.75}),
    ("network.voxel_size_m", {"spec.backbone.voxel_size_m": 0.1}),
    ("network.settings.coordinates", {"spec.backbone.settings.coordinates": "exact"}),
    ("trained_on", {"protocol.trained_on": ["train", "val"], "spec.train_on": ["train", "val"], "score": None}),
    ("recipe.epochs", {"spec.recipe.epochs": 3}),
    ("recipe.scans_per_epoch", {"spec.recipe.scans_per_epoch": 10}),
    ("recipe.batch_size", {"spec.recipe.batch_size": 4}),
    ("recipe.optimizer", {"spec.recipe.optimizer": "sgd"}),
    ("recipe.learning_rate", {"spec.recipe.learning_rate": 0.00100000001}),
    ("recipe.momentum", {"spec.recipe.momentum": 0.8}),
    ("recipe.weight_decay", {"spec.recipe.weight_decay": 0.0}),
    ("recipe.schedule", {"spec.recipe.schedule": "constant"}),
    ("recipe.warmup_epochs", {"spec.recipe.warmup_epochs": 2.0}),
    ("recipe.gradient_clip", {"spec.recipe.gradient_clip": 10.0}),
    ("recipe.cross_entropy_weight", {"spec.recipe.cross_entropy_weight": 0.5}),
    ("recipe.lovasz_weight", {"spec.recipe.lovasz_weight": 0.5}),
    ("recipe.augmentation.rotate_deg", {"spec.recipe.augmentation.rotate_deg": [0.0, 90.0]}),
    ("recipe.augmentation.scale", {"spec.recipe.augmentation.scale": [1.0, 1.0]}),
    ("recipe.augmentation.scale_axes", {"spec.recipe.augmentation.scale_axes": "xy"}),
    ("recipe.augmentation.flip", {"spec.recipe.augmentation.flip": ["none", "x"]}),
    ("recipe.augmentation.translate_sigma_m", {"spec.recipe.augmentation.translate_sigma_m": 0.1}),
    ("recipe.augmentation.max_points", {"spec.recipe.augmentation.max_points": 9}),
    ("recipe.augmentation.max_voxels", {"spec.recipe.augmentation.max_voxels": 9}),
    ("recipe.augmentation.mix", {"spec.recipe.augmentation.mix": MIX}),
    ("engine", {"spec.engine": "spconv", "protocol.engine": "spconv"}),
    ("engine_version", {"protocol.engine_version": "2"}),
    ("scoring_rule", {"protocol.scoring_rule": "nuscenes-official"}),
    ("split", {"protocol.split": "test"}),
    ("tta", {"protocol.tta": True}),
    ("device", {"protocol.device": "H200"}),
    ("torch", {"protocol.torch": "2.12.0"}),
    ("harness", {"protocol.harness": "0.2.0"}),
    ("commit", {"protocol.commit": "c0ffee"}),
    ("training.device", {"training.devices": ["H200"]}),
    ("training.in_parts", {"training.micro_batch": 1}),
    ("macs.scans", {"macs.scans": 19}),
    ("macs.scan_list", {"macs.scan_ids": ["08/000000", "08/000003"]}),
    ("latency.machine", {"latency.device": "H200", "latency.device_kind": "GPU"}),
    ("latency.threads", {"latency.threads": 1}),
    ("latency.scans", {"latency.scans": 19}),
    ("latency.passes", {"latency.passes": 9}),
]
OF_ONE_VALUE = {"precision", "weights", "macs.protocol", "latency.protocol"}
"""Keys that a result of this version has no other value for."""

THE_METHOD = {"method", "teacher", "seeds", "spec_hash"}
"""What rows are compared in, what they are averaged over, and what follows from all else."""


@pytest.fixture
def pair(spec, result) -> Callable[[dict[str, Any]], list[CellResult]]:
    """Two cells that differ in the method and in what the second is changed in."""

    def make(changes: dict[str, Any]) -> list[CellResult]:
        data = {"settings": {"past_scans": 2}}
        cells = [
            result(spec(method, backbone="spvnas", dataset=data), 0.5, sharing={"sittings": ()})
            for method in ("none", "kd")
        ]
        plain, other = (cell.model_dump(mode="json") for cell in cells)
        for written in (plain, other):
            written["spec"]["backbone"]["settings"] = {"coordinates": "as_released"}
            written["macs"]["scan_ids"] = ["08/000000", "08/000001"]
        for path, value in changes.items():
            *way, last = path.split(".")
            place = other
            for step in way:
                place = place[step]
            place[last] = value
        return [CellResult.model_validate(record) for record in (plain, other)]

    return make


def names(results: list[CellResult]) -> list[list[str]]:
    """The cells of a table that say what a row is, marks and footnotes' sentences included, for each of two rows."""
    rows = build_rows(results)
    rows.sort(key=lambda row: row.spec.method.name != "none")
    told = []
    for table in (build_table(rows), *build_class_tables(rows)[:1]):
        columns = ["data", "backbone", "network"]
        measured = [name for name in table.frame.columns if name.startswith("latency")]
        for place, (_, line) in enumerate(table.frame.iterrows()):
            used = [name for name in measured if line[name] != "–"]
            text = [line[name] for name in columns] + used
            notes = [note for note in table.footnotes if note.split()[0] in " ".join(text).split()]
            while len(told) <= place:
                told.append([])
            told[place] += [*text, *notes]
    return told


def test_equal_cards_need_no_mark(pair) -> None:
    plain, method = names(pair({}))
    assert [text.replace(" + kd", "") for text in method] == plain


def test_every_key_of_a_card_is_audited(pair) -> None:
    [plain, _] = pair({})
    audited = {key for key, _ in CHANGES} | OF_ONE_VALUE | THE_METHOD
    assert set(card_of_cell(plain)) <= audited


@pytest.mark.parametrize("key, changes", CHANGES, ids=[key for key, _ in CHANGES])
def test_a_key_that_differs_is_told_in_the_table(pair, key: str, changes: dict[str, Any]) -> None:
    cells = pair(changes)
    plain, other = map(card_of_cell, cells)
    changed = {k for k in plain.keys() | other.keys() if plain.get(k) != other.get(k)} - THE_METHOD
    assert {k for k in changed if k == key or k.startswith(f"{key}.")}
    assert {k for k in changed if not (k == key or k.startswith(f"{key}."))} <= {"recipe.learning_rate"}
    told, told_other = names(cells)
    assert [text.replace(" + kd", "") for text in told_other] != told
    if not shown_elsewhere(key):
        assert any(f"{key} is " in text for text in told_other)


def test_views_that_differ_are_told_in_the_name(spec, result) -> None:
    cells = []
    for method, views in (("none", VIEWS), ("kd", VIEWS.model_copy(update={"flip": ("none", "y")}))):
        plain = result(spec(method, measure=MeasureSpec(tta=views)), 0.5)
        cells.append(plain.model_copy(update={"tta": TtaResult(settings=views, views=2, score=plain.score)}))
    labels = [row.label for row in build_rows(cells) if row.tta is not None]
    assert labels == ["student 0.5× + TTA, 2 views (flip none x)", "student 0.5× + kd + TTA, 2 views (flip none y)"]


RECORDS: list[tuple[str, dict[str, Any]]] = [
    ("engine", {"engine": "spconv"}),
    ("engine_version", {"engine_version": "2"}),
    ("torch", {"torch": "2.12.0"}),
    ("harness", {"harness": "0.7.0"}),
    ("commit", {"commit": None}),
    ("latency.machine", {"device": "A100"}),
    ("latency.driver", {"processes": (process(0, "560.2"), process(1, "560.2"))}),
    ("latency.threads", {"threads": 1}),
    ("latency.scans", {"scan_ids": ("08/000000",)}),
    ("latency.scan_list", {"scan_ids": ("08/000010", "08/000000")}),
    ("latency.points", {"scans_sha256": "cd" * 32}),
    ("latency.passes", {"passes": 9}),
    ("latency.processes", {"processes": (process(0, "550.1"),)}),
    ("latency.timed_together", {"interleaved_with": ()}),
]


@pytest.mark.parametrize("key, changes", RECORDS, ids=[key for key, _ in RECORDS])
def test_two_times_of_a_column_differ_in_every_key(key: str, changes: dict[str, Any]) -> None:
    clauses = differences(record_facts(record(**changes)), record_facts(record()))
    assert any(clause.startswith(f"{key} is ") for clause in clauses)


def test_every_key_of_a_records_card_is_audited() -> None:
    told = {key for key in card_of_latency(record()) if shown_elsewhere(key)}
    assert {key.partition(".")[0] for key in told} == {"data", "network", "latency"}
    assert {key for key in told if key.startswith("latency.")} == {"latency.verdict"}
    assert set(record_facts(record())) == {key for key, _ in RECORDS} | {"precision", "latency.protocol"}


def test_networks_that_were_timed_together_need_no_mark() -> None:
    wide = MINKOWSKINET.model_copy(update={"width": 1.0})
    pair = together(MINKOWSKINET, wide)
    assert [one.network for one in pair] == ["semantickitti-minkowskinet-w0.5", "semantickitti-minkowskinet-w1"]
    assert differences(*map(record_facts, pair)) == []
    [alone] = together(wide)
    assert differences(record_facts(alone), record_facts(pair[0])) == [
        "latency.timed_together is [semantickitti-minkowskinet-w1], "
        "not [semantickitti-minkowskinet-w0.5, semantickitti-minkowskinet-w1]"
    ]


def test_networks_of_one_name_that_were_timed_together_are_two() -> None:
    pair = together(MINKOWSKINET, MINKOWSKINET.model_copy(update={"voxel_size_m": 0.1}))
    told = [card_of_latency(one)["latency.timed_together"] for one in pair]
    assert told[0] == told[1]
    assert told[0].count("semantickitti-minkowskinet-w0.5-") == 2


def test_what_is_shown_elsewhere_is_no_fact(spec, result) -> None:
    facts = card_facts(result(spec("kd", teacher="ab"), 0.5))
    assert not facts.keys() & SHOWN_ELSEWHERE.keys()
    assert {"trained_on", "device", "training.device", "macs.scans", "recipe.epochs"} <= facts.keys()
    assert shown_elsewhere("network.settings.grid")
    assert not shown_elsewhere("networks")


def test_differences_name_the_key_and_both_values() -> None:
    assert differences({"b": "2", "a": "1", "c": "3"}, {"b": "1", "a": "1"}) == ["b is 2, not 1"]


def test_settings_that_one_side_has_as_a_whole_differ() -> None:
    mixed, plain = {"mix.kinds": "[a]", "mix.areas": "[3]", "rate": "1"}, {"mix": "none", "rate": "1"}
    assert differences(mixed, plain) == ["mix is kinds [a], areas [3], not none"]
    assert differences(plain, mixed) == ["mix is none, not kinds [a], areas [3]"]


def test_seeds_that_do_not_agree_are_told_even_where_all_rows_are_alike() -> None:
    both = merge([{"torch": "2.12"}, {"torch": "2.13"}])
    assert differences(both, both) == ["torch is 2.12 or 2.13, by seed"]
    assert differences({"torch": "2.12"}, both) == ["torch is 2.12, not 2.12 or 2.13"]


def test_one_set_of_data_needs_no_note(spec) -> None:
    same = [spec().dataset, spec("kd").dataset, spec(dataset={"name": "nuscenes"}).dataset]
    assert data_notes(same[0], same) == []


@pytest.mark.parametrize(
    "changes, note",
    [
        ({"manifest": "f" * 16}, "manifest a1b2c3d4e5f6, 40 train, 10 val scans: another set of data"),
        (
            {"skipped": ("00/000001",)},
            "manifest a1b2c3d4e5f6, 40 train, 10 val scans, none skipped: another set of data",
        ),
        (
            {"label_map": "f" * 12},
            "manifest a1b2c3d4e5f6, 40 train, 10 val scans, label map 0123456789ab: another set of data",
        ),
        (
            {"official_scans": {"train": 1, "val": 1}},
            "manifest a1b2c3d4e5f6, 40 train, 10 val scans of 19130 train, 4071 val official ones: another set of data",
        ),
    ],
)
def test_another_set_of_data_is_told_by_what_differs(spec, changes: dict[str, Any], note: str) -> None:
    dataset = spec().dataset
    other = dataset.model_copy(update=changes)
    assert data_notes(dataset, [dataset, other]) == [note]
    assert data_notes(other, [dataset, other]) != [note]
