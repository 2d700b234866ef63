from __future__ import annotations

import re
from typing import Any

import pytest

from harness.config.matrix_file import load_matrix, parse_matrix
from harness.config.models import MatrixConfig
from harness.config.override import override
from harness.config.parts import parts
from harness.config.recipes import resolve_recipe, shipped_recipes
from harness.data.labels import SEMANTICKITTI, SEMANTICKITTI_MULTISCAN
from harness.data.open import dataset_kind
from harness.errors import HarnessError
from harness.matrix.plan import plan
from harness.spec import CellSpec, DatasetName, DatasetSpec, RecipeSpec

BACKBONES = ("minkowskinet", "spvnas", "cylinder3d")
DATASETS: tuple[DatasetName, ...] = ("semantickitti", "semantickitti-multiscan")


def resolved(config: object, backbone: str = "minkowskinet", dataset: DatasetName = "semantickitti") -> RecipeSpec:
    return resolve_recipe(config, backbone, dataset, "mine.yaml")


def released(backbone: str, dataset: DatasetName = "semantickitti") -> dict[str, Any]:
    """Return a released recipe with the keys of its augmentation beside its own."""
    recipe = resolved("released", backbone, dataset).model_dump()
    augmentation = recipe.pop("augmentation")
    return {**recipe, **augmentation}


@pytest.mark.parametrize("backbone", BACKBONES)
@pytest.mark.parametrize("dataset", DATASETS)
def test_the_common_recipe_is_the_default_by_its_name(backbone: str, dataset: DatasetName) -> None:
    assert resolved("common", backbone, dataset) == RecipeSpec(name="common")
    assert resolved({}, backbone, dataset) == RecipeSpec()


def test_the_common_recipe_is_frozen() -> None:
    assert resolved("common").model_dump(mode="json") == {
        "name": "common", "epochs": 15, "scans_per_epoch": None, "batch_size": 2, "optimizer": "adam",
        "learning_rate": 0.001, "momentum": 0.9, "weight_decay": 0.0001, "schedule": "cosine", "warmup_epochs": 1,
        "gradient_clip": None, "cross_entropy_weight": 1, "lovasz_weight": 1, "augmentation": {
            "rotate_deg": [0, 360], "scale": [0.95, 1.05], "scale_axes": "xyz", "flip": ["none"],
            "translate_sigma_m": 0, "max_points": None, "max_voxels": None, "mix": None,
        },
    }  # fmt: skip


@pytest.mark.parametrize("backbone", ["minkowskinet", "spvnas"])
@pytest.mark.parametrize(
    "key, value",
    {
        "name": "released",
        "epochs": 15,
        "batch_size": 2,
        "optimizer": "sgd",
        "learning_rate": 0.24,
        "momentum": 0.9,
        "weight_decay": 1e-4,
        "schedule": "cosine",
        "gradient_clip": None,
        "cross_entropy_weight": 1,
        "lovasz_weight": 0,
        "rotate_deg": (0, 360),
        "scale": (0.95, 1.05),
        "scale_axes": "xyz",
        "flip": ("none",),
        "translate_sigma_m": 0,
        "max_points": None,
        "max_voxels": 80_000,
        "mix": None,
    }.items(),
)
def test_the_released_recipe_of_spvnas(backbone: str, key: str, value: object) -> None:
    assert released(backbone)[key] == value


def test_the_warm_up_of_spvnas_is_two_thousand_scans() -> None:
    assert released("spvnas")["warmup_epochs"] * 19_130 == pytest.approx(2000, rel=1e-3)


@pytest.mark.parametrize(
    "key, value",
    {
        "name": "released",
        "epochs": 40,
        "batch_size": 2,
        "optimizer": "adam",
        "learning_rate": 0.001,
        "weight_decay": 0,
        "schedule": "constant",
        "warmup_epochs": 0,
        "gradient_clip": None,
        "cross_entropy_weight": 1,
        "lovasz_weight": 1,
        "rotate_deg": (-45, 45),
        "scale": (0.95, 1.05),
        "scale_axes": "xy",
        "flip": ("none", "x", "y", "xy"),
        "translate_sigma_m": 0.1,
        "max_points": None,
        "max_voxels": None,
        "mix": None,
    }.items(),
)
def test_the_released_recipe_of_cylinder3d(key: str, value: object) -> None:
    assert released("cylinder3d")[key] == value


def test_cylinder3d_turns_nuscenes_all_around_and_changes_nothing_else() -> None:
    assert released("cylinder3d", "nuscenes") == {**released("cylinder3d"), "rotate_deg": (-180, 180)}
    assert released("cylinder3d", "semantickitti-multiscan") == released("cylinder3d")


@pytest.mark.parametrize("dataset, labels", [(DATASETS[0], SEMANTICKITTI), (DATASETS[1], SEMANTICKITTI_MULTISCAN)])
def test_mixing_is_all_that_mix_adds(dataset: DatasetName, labels: Any) -> None:
    recipe = resolved("mix", "spvnas", dataset)
    mix = recipe.augmentation.mix
    assert mix is not None
    assert (mix.kinds, mix.probability, mix.areas) == (("lasermix", "polarmix"), 1, (3, 4, 5, 6))
    assert (mix.inclination_deg, mix.swap_probability, mix.paste_probability) == ((-25, 3), 0.5, 1)
    things = [name for name in labels.names if re.search("car|cycl|truck|vehicle|person", name)]
    assert list(mix.instance_classes) == things
    plain = recipe.augmentation.model_copy(update={"mix": None})
    assert recipe.model_copy(update={"name": "common", "augmentation": plain}) == RecipeSpec(name="common")


def test_nuscenes_has_the_areas_and_the_things_of_its_own() -> None:
    mix = resolved("mix", "spvnas", "nuscenes").augmentation.mix
    assert mix is not None
    assert mix.inclination_deg == (-30, 10)
    assert mix.instance_classes == dataset_kind("nuscenes").class_names[1:11]


def test_a_recipe_of_ones_own_changes_its_base_key_by_key() -> None:
    changed = resolved({"base": "released", "epochs": 3, "augmentation": {"flip": ["x"]}}, "cylinder3d")
    assert (changed.name, changed.epochs, changed.schedule) == ("custom", 3, "constant")
    assert changed.augmentation.flip == ("x",)
    assert changed.augmentation.translate_sigma_m == 0.1
    assert resolved({"base": "mix", "augmentation": {"mix": {"probability": 0.5}}}).augmentation.mix is not None
    assert resolved({"base": "mix", "augmentation": {"mix": None}}).augmentation.mix is None
    assert resolved({"base": "released", "name": "mine"}).name == "mine"
    assert resolved({"base": "released"}) == resolved("released")


def test_a_rate_belongs_to_its_optimiser() -> None:
    assert resolved({"base": "common", "optimizer": "sgd"}).learning_rate == 0.24
    assert resolved({"base": "released", "optimizer": "adam"}).learning_rate == 0.001
    assert resolved({"base": "common", "optimizer": "sgd", "learning_rate": 0.1}).learning_rate == 0.1
    assert resolved({"base": "released", "epochs": 3}).learning_rate == 0.24


@pytest.mark.parametrize(
    "wrong, message",
    [
        ("relaesed", r"key recipe: found 'relaesed'; expected one of common, mix, released.*Did you mean 'released'"),
        (None, r"key recipe: found None; expected one of common"),
        (["mix"], r"key recipe: found \['mix'\]; expected one of common"),
        ({"base": "cmmon"}, r"key recipe\.base: found 'cmmon'.*Did you mean 'common'"),
        ({"base": {"name": "mix"}}, r"key recipe\.base: found"),
        ({"bse": "released"}, r"key recipe\.bse: found an unknown key.*Did you mean 'base'"),
        ({"base": "released", "epoch": 3}, r"key recipe\.epoch: found an unknown key.*Did you mean 'epochs'"),
        ({"base": "released", "augmentation": {"flips": ["x"]}}, r"key recipe\.augmentation\.flips.*'flip'"),
        ({"base": "mix", "augmentation": {"mix": {"arias": [3]}}}, r"augmentation\.mix\.arias.*Did you mean 'areas'"),
        ({"base": "mix", "augmentation": {"mix": {"areas": [1]}}}, "areas are numbers from 2 to 1000"),
        ({"base": "mix", "augmentation": {"mix": {"probability": 0}}}, r"augmentation\.mix\.probability: found 0"),
        ({"base": "mix", "augmentation": {"mix": {"inclination_deg": [3, -25]}}}, "lasermix needs inclination_deg"),
        ({"augmentation": {"mix": {"kinds": ["lasermix"]}}}, "lasermix needs inclination_deg.*`base: mix`"),
        ({"augmentation": {"mix": {"kinds": ["polarmix"]}}}, "polarmix needs instance_classes.*`base: mix`"),
        ({"augmentation": {"mix": {"kinds": []}}}, r"augmentation\.mix\.kinds"),
        (
            {"base": "mix", "augmentation": {"mix": {"instance_classes": ["car", "bycicle"]}}},
            r"key recipe\.augmentation\.mix\.instance_classes: found 'bycicle'; .*Did you mean 'bicycle'",
        ),
        ({"base": "mix", "augmentation": {"mix": {"instance_classes": ["ignored"]}}}, "found 'ignored'"),
        ({"base": "common", "scans_per_epoch": 0}, r"key recipe\.scans_per_epoch: found 0"),
        ({"schedule": "linear"}, r"key recipe\.schedule: found 'linear'"),
        ({1: 2}, r"key recipe\.1"),
        ({"base": "common", "augmentation": 4}, r"key recipe\.augmentation: found 4"),
    ],
)
def test_a_wrong_recipe_is_explained(wrong: object, message: str) -> None:
    with pytest.raises(HarnessError, match=message) as error:
        resolved(wrong)
    assert str(error.value).startswith("mine.yaml, key recipe")
    assert "\n" not in str(error.value)


def test_a_recipe_file_holds_nothing_that_no_backbone_or_data_set_reads() -> None:
    """A layer for a name that does not exist would be dead, and say nothing."""
    for name, recipe in shipped_recipes().items():
        for layer in recipe.layers:
            assert set(layer.backbones or ()) <= set(BACKBONES), name
            assert layer.recipe, name


CONTENT = {
    "name": "m",
    "backbones": [{"name": "cylinder3d"}, {"name": "spvnas"}],
    "methods": ["none", "pvd"],
}
DATASET = DatasetSpec(
    name="semantickitti", manifest="m", label_map="l", synthetic=True, partial=False, scans={}, official_scans={}
)


def cells(matrix: MatrixConfig) -> list[CellSpec]:
    [part] = parts(matrix)
    return plan(part, DATASET, 19)


def test_every_cell_of_a_matrix_has_its_backbones_recipe() -> None:
    specs = cells(parse_matrix({**CONTENT, "recipe": "released"}, "test"))
    assert {(spec.backbone.name, spec.recipe.epochs, spec.recipe.name) for spec in specs} == {
        ("cylinder3d", 40, "released"),
        ("spvnas", 15, "released"),
    }
    assert {spec.role for spec in specs} == {"teacher", "student"}


def test_a_matrix_without_a_recipe_takes_the_common_one() -> None:
    left_out, named, spelled = (
        cells(parse_matrix({**CONTENT, **recipe}, "test"))
        for recipe in ({}, {"recipe": "common"}, {"recipe": {"epochs": 15}})
    )
    assert {spec.recipe.name for spec in left_out} == {"common"}
    assert left_out == named
    assert [spec.hash for spec in spelled] == [spec.hash for spec in named]


@pytest.mark.parametrize("recipe", ["released", "mix", {"base": "mix", "epochs": 36}, {"epochs": 3}])
def test_the_copy_kept_beside_the_results_makes_the_same_cells(recipe: object) -> None:
    matrix = parse_matrix({**CONTENT, "recipe": recipe}, "test")
    copy = parse_matrix(matrix.model_dump(mode="json"), "copy")
    assert cells(copy) == cells(matrix) == cells(override({**CONTENT, "recipe": recipe}, "test", seeds="0"))


def test_the_shipped_comparisons_are_under_the_common_recipe() -> None:
    for name in ("methods", "ablation", "full"):
        assert load_matrix(name).recipe == "common"


def test_a_recipe_that_has_nothing_for_a_backbone_is_no_other_recipe_under_its_name() -> None:
    with pytest.raises(HarnessError, match=r"'released', which has nothing for anothernet on nuscenes"):
        resolve_recipe("released", "anothernet", "nuscenes", "test")
    assert resolve_recipe("common", "anothernet", "nuscenes", "test").name == "common"


@pytest.mark.parametrize("own", [{"name": "common", "epochs": 3}, {"base": "mix", "name": "mix", "epochs": 3}])
def test_a_recipe_of_ones_own_has_a_name_of_its_own(own: dict[str, Any]) -> None:
    with pytest.raises(HarnessError, match=r"key recipe\.name: found '(common|mix)'; expected a name that no"):
        resolve_recipe(own, "spvnas", "semantickitti", "test")
