"""Networks and methods of a matrix file, made complete: names checked, defaults included."""

from __future__ import annotations

import difflib
import re
from typing import Any

from pydantic import ValidationError

from backbones.build import NAMES, backbone_kind
from baselines.registry import load_method, method_source
from harness.config.models import BackboneConfig, MethodConfig
from harness.errors import HarnessError
from harness.explain import explain
from harness.spec import BackboneSpec, MethodSpec


def resolve_backbone(config: BackboneConfig, width: float, classes: int, where: object) -> BackboneSpec:
    """Return a network of a matrix with its grid and all its settings, defaults included.

    Raises:
        HarnessError: the backbone is unknown, a setting is wrong, or a grid of its own is given a voxel size.
    """
    if config.name not in NAMES:
        near = difflib.get_close_matches(config.name, NAMES, n=1)
        remedy = f"Did you mean {near[0]!r}?" if near else "See `harness ls backbones`."
        raise HarnessError(f"{where}.name", repr(config.name), f"one of {', '.join(NAMES)}", remedy)
    kind = backbone_kind(config.name)
    if kind.published_voxel_size_m is None and config.voxel_size_m is not None:
        expected = f"none: {config.name} has a grid of its own, told by its settings"
        raise HarnessError(f"{where}.voxel_size_m", f"{config.voxel_size_m:g}", expected, "Remove the key.")
    try:
        settings = kind.Settings.model_validate(config.settings)
    except ValidationError as error:
        raise explain(error, kind.Settings, where, "settings.") from error
    return BackboneSpec(
        name=config.name,
        width=width,
        voxel_size_m=kind.published_voxel_size_m if config.voxel_size_m is None else config.voxel_size_m,
        classes=classes,
        settings=settings.model_dump(mode="json"),
    )


def resolve_method(method: MethodConfig, where: object) -> MethodSpec:
    """Return a method with all its settings, defaults included.

    Raises:
        HarnessError: the method is unknown or a setting is wrong.
    """
    try:
        settings = load_method(method.name).Settings
    except ValueError as error:
        remedy = f"{error} `harness ls methods` lists those that ship."
        raise HarnessError(where, f"{method.name!r}", "a method", remedy) from error
    given, source = method.settings, method_source(method.name)
    if method.name == "sum":
        given, source = _resolve_parts(given, where)
    try:
        complete = settings.model_validate(given).model_dump(mode="json")
    except ValidationError as error:
        raise explain(error, settings, where, "settings.") from error
    spec = MethodSpec(name=method.name, settings=complete, source=source)
    if not re.fullmatch(r"[\w.+-]{1,120}", spec.label):
        expected = "letters, digits, '_', '.' and '-', at most 120: it is part of a folder's name"
        raise HarnessError(where, f"a method called {spec.label[:80]!r}", expected, "Rename the class or entry point.")
    return spec


def _resolve_parts(settings: dict[str, Any], where: object) -> tuple[dict[str, Any], str | None]:
    """Return the settings of a sum with those of its parts complete, and the sources of the parts."""
    parts = settings.get("methods")
    if not isinstance(parts, list | tuple):
        return settings, None  # the sum's own settings say what is wrong
    resolved = []
    for index, part in enumerate(parts):
        key = f"{where}.settings.methods.{index}"
        try:
            config = MethodConfig.model_validate(part)
        except ValidationError as error:
            raise explain(error, MethodConfig, key, "") from error
        resolved.append(resolve_method(config, key))
    resolved.sort(key=lambda spec: spec.label)  # a + b and b + a are one experiment
    sources = [spec.source for spec in resolved if spec.source is not None]
    methods = [spec.model_dump(mode="json", exclude={"source"}) for spec in resolved]
    return {**settings, "methods": methods}, "+".join(sources) or None
