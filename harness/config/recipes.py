"""Recipes as data: those that ship with the harness, and a matrix's own.

A shipped recipe is a list of layers. Each holds for some backbones and data sets and says what differs from the layers
above it, key by key; so one name can stand for the recipe that each network was released with.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import yaml
from pydantic import Field, ValidationError

from harness.data.open import dataset_kind
from harness.errors import HarnessError
from harness.explain import explain
from harness.spec import DatasetName, RecipeSpec, Strict

COMMON = "common"
"""The recipe of a matrix that names none."""


class Layer(Strict):
    """What a recipe says for some backbones on some data sets."""

    backbones: tuple[str, ...] | None = Field(default=None, description="None: all")
    datasets: tuple[DatasetName, ...] | None = Field(default=None, description="None: all")
    recipe: dict[str, Any] = Field(description="keys of `RecipeSpec` that differ from the layers above")

    def holds(self, backbone: str, dataset: DatasetName) -> bool:
        """Whether the layer is for this backbone on this data set."""
        return backbone in (self.backbones or (backbone,)) and dataset in (self.datasets or (dataset,))


class OwnRecipe(RecipeSpec):
    """What a matrix may spell out."""

    base: str | None = Field(default=None, description="the shipped recipe that the keys change; None: the defaults")


class RecipeFile(Strict):
    """A file of ``harness/recipes/``."""

    base: str | None = Field(default=None, description="the recipe below the first layer")
    layers: tuple[Layer, ...]


@cache
def shipped_recipes() -> Mapping[str, RecipeFile]:
    """Return the recipes that come with the harness, by name."""
    folder = Path(str(resources.files("harness"))) / "recipes"
    paths = sorted(folder.glob("*.yaml"))
    return {path.stem: RecipeFile.model_validate(yaml.safe_load(path.read_text())) for path in paths}


def resolve_recipe(config: object, backbone: str, dataset: DatasetName, where: object) -> RecipeSpec:
    """Return the complete recipe that a backbone is trained with on a data set.

    Args:
        config: what a matrix says: the name of a shipped recipe; or a mapping of keys of `RecipeSpec` that differ from
            its defaults, or from the shipped recipe that its key ``base`` names.
        backbone: name.
        dataset: name.
        where: the file, for messages.

    Raises:
        HarnessError: there is no such recipe, a key or value is wrong, or a class to paste is none of the data set.
    """
    if isinstance(config, str):
        content = _shipped(config, backbone, dataset, f"{where}, key recipe")
    elif isinstance(config, Mapping):
        content = _own(config, backbone, dataset, where)
    else:
        raise _no_recipe(config, f"{where}, key recipe")
    try:
        recipe = RecipeSpec.model_validate(content)
    except ValidationError as error:
        raise explain(error, OwnRecipe, where, "recipe.") from error
    _check_classes(recipe, dataset, where)
    return recipe


def _shipped(name: object, backbone: str, dataset: DatasetName, where: object) -> dict[str, Any]:
    """Return the keys of a shipped recipe."""
    recipe = shipped_recipes().get(name) if isinstance(name, str) else None
    if recipe is None:
        raise _no_recipe(name, where)
    content = {} if recipe.base is None else _shipped(recipe.base, backbone, dataset, where)
    for layer in recipe.layers:
        if layer.holds(backbone, dataset):
            content = _merge(content, layer.recipe)
    if not content:
        expected = "a recipe that has something for it"
        remedy = f"Write the keys out, or name {COMMON}."
        raise HarnessError(where, f"{name!r}, which has nothing for {backbone} on {dataset}", expected, remedy)
    return {**content, "name": name}


def _own(config: Mapping[Any, Any], backbone: str, dataset: DatasetName, where: object) -> dict[str, Any]:
    """Return the keys of a recipe that a matrix spells out, upon those of its base."""
    changes = {key: value for key, value in config.items() if key != "base"}
    if isinstance(name := changes.get("name"), str) and name in shipped_recipes():
        remedy = "Give it another name, or none."
        raise HarnessError(f"{where}, key recipe.name", repr(name), "a name that no recipe has", remedy)
    if "base" not in config:
        return changes
    base = _shipped(config["base"], backbone, dataset, f"{where}, key recipe.base")
    if not changes:
        return base
    if "optimizer" in changes and changes["optimizer"] != base["optimizer"]:
        del base["learning_rate"]  # a rate belongs to its optimiser
    return _merge({**base, "name": "custom"}, changes)


def _merge(below: Mapping[str, Any], above: Mapping[Any, Any]) -> dict[str, Any]:
    """Return a mapping with the keys of another put upon it, key by key wherever both have mappings."""
    merged = dict(below)
    for key, value in above.items():
        under = merged.get(key)
        if isinstance(under, Mapping) and isinstance(value, Mapping):
            merged[key] = _merge(under, value)
        else:
            merged[key] = value
    return merged


def _no_recipe(found: object, where: object) -> HarnessError:
    names = list(shipped_recipes())
    near = difflib.get_close_matches(str(found), names, n=1)
    remedy = f"Did you mean {near[0]!r}?" if near else "See docs/recipes.md."
    return HarnessError(where, repr(found)[:80], f"one of {', '.join(names)}, or a mapping of keys", remedy)


def _check_classes(recipe: RecipeSpec, dataset: DatasetName, where: object) -> None:
    """Refuse names of things that the data set has no class of."""
    mix = recipe.augmentation.mix
    if mix is None or not mix.instance_classes:
        return
    classes = dataset_kind(dataset).class_names[1:]
    for name in mix.instance_classes:
        if name not in classes:
            near = difflib.get_close_matches(name, classes, n=1)
            remedy = f"Did you mean {near[0]!r}?" if near else "Mend the name."
            key = f"{where}, key recipe.augmentation.mix.instance_classes"
            raise HarnessError(key, repr(name), f"classes of {dataset}: {', '.join(classes)}", remedy)
