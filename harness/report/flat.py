"""Parts of a spec as flat texts, one for each dotted key, and how those of several cells are joined."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from baselines.registry import short_name
from harness.spec import BackboneSpec, DatasetSpec, MethodSpec

Facts = Mapping[str, str]

SEVERAL = " or "
"""Stands between the values of one key that the cells of a row don't agree on."""


def flatten(value: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yield each leaf of nested mappings as its dotted key and its text.

    >>> dict(flatten({"recipe": {"epochs": 15, "gradient_clip": None}}))
    {'recipe.epochs': '15', 'recipe.gradient_clip': 'none'}
    """
    for key, inner in value.items():
        if isinstance(inner, Mapping):
            yield from flatten(inner, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", as_text(inner)


def as_text(value: Any) -> str:
    """Return a value as a reader writes it; two numbers that differ have different texts.

    >>> [as_text(value) for value in (1.0, 1e-4, 1.00000001, None, ["a", 2.0])]
    ['1', '0.0001', '1.00000001', 'none', '[a, 2]']
    """
    if isinstance(value, float):
        short = f"{value:g}"
        return short if float(short) == value else repr(value)
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(as_text, value)) + "]"
    return "none" if value is None else str(value)


def flat_method(method: MethodSpec) -> dict[str, str]:
    """Return the complete settings of a method, those of a sum by part, and the source of one that does not ship."""
    source = {} if method.source is None else {"source": method.source}
    settings: Mapping[str, Any] = method.settings
    if method.name == "sum":
        settings = {short_name(part["name"]): part["settings"] for part in method.settings["methods"]}
    return source | dict(flatten(settings))


def flat_network(backbone: BackboneSpec) -> dict[str, str]:
    """Return a network and the grid it reads."""
    size = "of its own" if backbone.voxel_size_m is None else as_text(backbone.voxel_size_m)
    own = {"network": backbone.name, "network.width": as_text(backbone.width), "network.voxel_size_m": size}
    return own | dict(flatten(backbone.settings, "network.settings."))


def flat_data(dataset: DatasetSpec) -> dict[str, str]:
    """Return a set of data by content; scans as so many of those of the official split."""
    official = dataset.official_scans
    return {
        "data": dataset.name,
        "data.manifest": dataset.manifest,
        "data.label_map": dataset.label_map,
        "data.synthetic": str(dataset.synthetic),
        "data.partial": str(dataset.partial),
        **{f"data.scans.{split}": f"{count} of {official.get(split, 0)}" for split, count in dataset.scans.items()},
        "data.skipped": as_text(dataset.skipped),
        **dict(flatten(dataset.settings, "data.settings.")),
    }


def merge(many: Iterable[Facts]) -> dict[str, str]:
    """Join the facts of several cells; a key that they don't agree on has all its values."""
    values: dict[str, set[str]] = {}
    for facts in many:
        for key, value in facts.items():
            values.setdefault(key, set()).add(value)
    return {key: SEVERAL.join(sorted(seen)) for key, seen in values.items()}
