from __future__ import annotations

import pytest
from pydantic import ValidationError

from harness.spec import (
    BackboneSpec,
    CellResult,
    CellSpec,
    DatasetSpec,
    MacsResult,
    MethodSpec,
    ProtocolCard,
    RecipeSpec,
    ScoreResult,
    TrainingResult,
)


def spec(**changes: object) -> CellSpec:
    dataset = DatasetSpec(
        name="semantickitti", manifest="m", label_map="l", synthetic=False, partial=False, scans={}, official_scans={}
    )
    values = {
        "role": "student",
        "dataset": dataset,
        "backbone": BackboneSpec(name="minkowskinet", width=0.5, voxel_size_m=0.05, classes=19),
        "method": MethodSpec(name="pvd", settings={"b": 1, "a": 2}),
        "recipe": RecipeSpec(optimizer="sgd"),
        "seed": 0,
        "engine": "portable",
    }
    return CellSpec.model_validate({**values, **changes})


def test_the_hash_is_frozen_over_releases() -> None:
    """A cell of yesterday must be found tomorrow: a change here makes every store start anew, and needs a version."""
    assert spec().hash == "417c5ba95a17"


def test_a_recipe_of_before_there_were_more_keys_keeps_its_hash() -> None:
    """Taken from the release before: the default recipe was called custom, and had none of the keys below."""
    network = BackboneSpec(name="cylinder3d", width=0.5, voxel_size_m=None, classes=19, settings={"a": 1})
    own = {"name": "demo", "epochs": 8, "augmentation": {"max_points": 80000, "flip": ["none", "x"]}}
    frozen = {"e88d32bbaaac": {}, "061773ed3818": {"optimizer": "sgd"}, "32b0c2b06e1a": own}
    for expected, given in frozen.items():
        method = MethodSpec(name="pvd", settings={"b": 1})
        recipe = RecipeSpec.model_validate(given)
        assert spec(backbone=network, method=method, recipe=recipe).hash == expected
    named = RecipeSpec(name="common")
    assert spec(recipe=named).hash == spec(recipe=RecipeSpec()).hash != spec(recipe=RecipeSpec(name="x")).hash


def test_each_younger_key_of_a_recipe_makes_another_cell() -> None:
    mixing = {"kinds": ["lasermix"], "inclination_deg": [-25, 3]}
    changes = [{}, {"schedule": "constant"}, {"augmentation": {"max_voxels": 9}}, {"augmentation": {"mix": mixing}}]
    changes += [{"augmentation": {"mix": {**mixing, "areas": [3]}}}, {"scans_per_epoch": 2000}]
    assert len({spec(recipe=RecipeSpec.model_validate(change)).hash for change in changes}) == len(changes)


def test_the_hash_depends_on_content_and_not_on_order() -> None:
    assert spec().hash == spec(method=MethodSpec(name="pvd", settings={"a": 2, "b": 1})).hash
    changes = [
        {"seed": 1},
        {"role": "teacher"},
        {"recipe": RecipeSpec(optimizer="sgd", epochs=16)},
        {"teacher": "x"},
        {"engine": "e"},
    ]
    assert len({spec().hash, *(spec(**change).hash for change in changes)}) == 6


def test_a_method_of_ones_own_is_another_cell_when_its_file_changes() -> None:
    hashes = {spec(method=MethodSpec(name="own:Own", source=source)).hash for source in (None, "a", "b")}
    assert len(hashes) == 3


def test_each_optimiser_has_its_published_rate() -> None:
    rates = [RecipeSpec(**given).learning_rate for given in ({}, {"optimizer": "adam"}, {"optimizer": "sgd"})]
    assert rates == [0.001, 0.001, 0.24]
    assert RecipeSpec(optimizer="sgd", learning_rate=0.1).learning_rate == 0.1


def test_names() -> None:
    assert spec().name == "semantickitti-minkowskinet-w0.5-pvd-s0"
    assert spec(role="teacher").name == "semantickitti-minkowskinet-w0.5-teacher-s0"
    assert spec(method=MethodSpec(name="my.package:Mine")).name.endswith("-Mine-s0")
    parts = {"methods": [{"name": "pvd", "settings": {}}, {"name": "my.package:Mine", "settings": {}}]}
    assert spec(method=MethodSpec(name="sum", settings=parts)).name.endswith("-w0.5-pvd+Mine-s0")
    assert spec().cell == f"{spec().hash}-{spec().name}"


def test_round_trip_and_strictness() -> None:
    result = CellResult(spec=spec(), status="failed", reason="no")
    text = result.model_dump_json()
    assert CellResult.model_validate_json(text) == result
    with pytest.raises(ValidationError):
        CellResult.model_validate_json(text.replace('"schema_version":1', '"schema_version":2'))
    with pytest.raises(ValidationError):
        CellResult.model_validate_json(text.replace('"reason"', '"raeson"'))


@pytest.mark.parametrize("said_by", ["spec", "card"])
def test_a_network_that_was_trained_on_val_has_no_score_on_it(said_by: str) -> None:
    """Whoever says so: a result with such a score can't be read, so that no verb can print it."""
    both = ("train", "val")
    scored = made_result(spec(train_on=both if said_by == "spec" else ("train",)))
    content = scored.model_dump(mode="json")
    content["protocol"]["trained_on"] = list(both) if said_by == "card" else ["train"]
    assert CellResult.model_validate({**content, "score": None}).score is None
    with pytest.raises(ValidationError, match="trained on val has no score"):
        CellResult.model_validate({**content, "score": {"miou": 0.5, "accuracy": 1, "iou": {}, "confusion": []}})


def made_result(of: CellSpec) -> CellResult:
    """A finished result without a score, which only a network trained on the split may lack."""
    card = ProtocolCard(
        scoring_rule="r", split="val", trained_on=("train", "val"), tta=False, engine="e", engine_version="1",
        device="d", torch="2", harness="0", commit=None,
    )  # fmt: skip
    training = TrainingResult(
        steps=1, seconds=1, peak_memory_mib=1, devices=("d",), final_terms={}, weights_sha256="w",
        teacher_weights_sha256=None,
    )  # fmt: skip
    macs = MacsResult(scans=1, gmacs_mean=1, gmacs_min=1, gmacs_max=1, voxels_mean=1)
    return CellResult(spec=of, status="finished", protocol=card, parameters=1, macs=macs, training=training)


STRETCH = {"sequence": "08", "first": "08/000000", "scans": 2, "correct": [1, 2], "predicted": [1, 3], "true": [4, 2]}
SCORE = {"miou": 0.5, "accuracy": 1, "iou": {"a": 0.25, "b": 1}, "confusion": [[9, 0, 0], [0, 1, 0], [0, 0, 2]]}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"miou": 2.0}, "less than or equal to 1"),
        ({"iou": {"a": -0.1, "b": 1}}, "greater than or equal to 0"),
        ({"confusion": [[1], [1, 2]]}, "square"),
        ({"confusion": [[-1]]}, "greater than or equal to 0"),
        ({"stretches": [{**STRETCH, "correct": [1]}]}, "one count for each class"),
        ({"stretches": [{**STRETCH, "correct": [2, 2]}]}, "more points of a class are correct"),
        ({"stretches": [{**STRETCH, "correct": [1, 10**30]}]}, "less than"),
        ({"stretches": [STRETCH, STRETCH]}, "same number of correct points"),
        ({"confusion": [[0, 0], [0, 1]], "stretches": [STRETCH]}, "counts of the 1 classes"),
    ],
)
def test_a_score_that_contradicts_itself_is_refused(changes: dict[str, object], said: str) -> None:
    assert len(ScoreResult.model_validate({**SCORE, "stretches": [STRETCH]}).stretches) == 1
    with pytest.raises(ValidationError, match=said):
        ScoreResult.model_validate({**SCORE, **changes})
