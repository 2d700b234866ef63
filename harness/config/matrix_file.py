"""Matrix files: what a user writes, checked strictly, with suggestions for what was meant."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from backbones.sparse.engine import get_engine
from harness.config.grids import backbone_on, method_on
from harness.config.models import BackboneConfig, MatrixConfig, MethodConfig
from harness.config.recipes import resolve_recipe
from harness.config.resolve import resolve_backbone, resolve_method
from harness.data.open import resolve_settings
from harness.errors import HarnessError
from harness.explain import explain
from harness.spec import BackboneSpec, MethodSpec


def shipped_matrices() -> dict[str, Path]:
    """Return the matrices that come with the harness, by name."""
    folder = Path(str(resources.files("harness"))) / "matrices"
    return {path.stem: path for path in sorted(folder.glob("*.yaml"))}


def load_matrix(name_or_file: str) -> MatrixConfig:
    """Read a shipped matrix by its name, or a matrix file.

    Raises:
        HarnessError: there is no such matrix, or the file is no valid matrix.
    """
    shipped = shipped_matrices()
    path = shipped.get(name_or_file, Path(name_or_file))
    try:
        content = yaml.safe_load(path.read_text())
    except OSError as error:
        expected = f"a matrix file or one of {', '.join(shipped)}"
        found = "nothing of that name" if isinstance(error, FileNotFoundError) else f"'{error.strerror}' on reading"
        raise HarnessError(f"--matrix {name_or_file[:80]}", found, expected, "Mend the name.") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise HarnessError(path, " ".join(str(error).split()), "a YAML file", "Mend the file there.") from error
    if not isinstance(content, dict):
        raise HarnessError(path, f"a {type(content).__name__}", "a mapping of keys", "See docs/matrices.md.")
    return parse_matrix({"name": path.stem, **content}, path)


def parse_matrix(content: dict[str, Any], where: object) -> MatrixConfig:
    """Validate the content of a matrix file, methods and their settings included.

    Raises:
        HarnessError: a key or value is wrong; the message names it and suggests what was meant.
    """
    try:
        matrix = MatrixConfig.model_validate(content)
    except ValidationError as error:
        raise explain(error, MatrixConfig, where, "") from error
    resolve_settings(matrix.dataset.name, matrix.dataset.settings, f"{where}, key dataset")
    try:
        get_engine(matrix.engine)
    except ValueError as error:
        remedy = f"{error} `harness ls engines` lists those that can be used here."
        raise HarnessError(f"{where}, key engine", repr(matrix.engine), "an engine", remedy) from error
    backbones, methods = _parse_backbones(matrix, where), _parse_methods(matrix, where)
    for backbone in backbones:
        resolve_recipe(matrix.recipe, backbone.name, matrix.dataset.name, where)
    return matrix.model_copy(update={"backbones": backbones, "methods": methods})


def _parse_backbones(matrix: MatrixConfig, where: object) -> tuple[BackboneConfig, ...]:
    """Return the networks with their settings as they will be used, all of them different."""
    backbones: list[BackboneConfig] = []
    networks: list[tuple[BackboneSpec, float]] = []
    for index, given in enumerate(matrix.backbones):
        key = f"{where}, key backbones.{index}"
        backbone = backbone_on(matrix.dataset.name, given)
        resolved = resolve_backbone(backbone, backbone.teacher_width, 1, key)
        network = (resolved, backbone.student_width)
        if network in networks:
            found = f"the same networks as backbones.{networks.index(network)}"
            raise HarnessError(key, found, "other widths, voxels or settings", "Remove one of them.")
        networks.append(network)
        # A setting that names a file becomes its content, so that the copy kept beside the results says all.
        settings = {name: resolved.settings[name] for name in backbone.settings}
        backbones.append(backbone.model_copy(update={"settings": settings}))
    return tuple(backbones)


def _parse_methods(matrix: MatrixConfig, where: object) -> tuple[MethodConfig, ...]:
    """Return the methods with their settings as they will be used, all of them different."""
    methods: list[MethodConfig] = []
    specs: list[MethodSpec] = []
    for index, given in enumerate(matrix.methods):
        key = f"{where}, key methods.{index}"
        method = method_on(matrix.dataset.name, given)
        spec = resolve_method(method, key)
        if spec in specs:
            found = f"the same method and settings as methods.{specs.index(spec)}"
            raise HarnessError(key, found, "another name or other settings", "Remove one of them.")
        methods.append(method)
        specs.append(spec)
    labels = [spec.label for spec in specs]
    if matrix.submission is not None and "+".join(sorted(matrix.submission.replace(" ", "").split("+"))) not in labels:
        expected = f"the method whose first cell is exported, one of {', '.join(labels)}"
        raise HarnessError(f"{where}, key submission", repr(matrix.submission), expected, "Mend the name.")
    if matrix.submission is not None and matrix.dataset.name == "nuscenes":
        remedy = "Remove the key; score such a matrix by its tables."
        raise HarnessError(f"{where}, key submission", "a nuScenes matrix", "one of SemanticKITTI", remedy)
    return tuple(methods)


def override(matrix: MatrixConfig, engine: str | None = None, seeds: str | None = None) -> MatrixConfig:
    """Return a matrix with what the command line says instead, validated like the file.

    Args:
        matrix: of the file.
        engine: name, or None to keep the file's.
        seeds: numbers between commas, or None to keep the file's.

    Raises:
        HarnessError: a value is wrong.
    """
    changes: dict[str, Any] = {}
    if engine is not None:
        changes["engine"] = engine
    if seeds is not None:
        changes["seeds"] = seeds.split(",")
    return parse_matrix({**matrix.model_dump(mode="json"), **changes}, "the command line")
