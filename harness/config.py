"""Matrix files: what a user writes, checked strictly, with suggestions for what was meant."""

from __future__ import annotations

import difflib
import re
from importlib import resources
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import Field, ValidationError, field_validator, model_validator

from backbones.build import NAMES, NARROWEST, WIDEST, backbone_kind
from backbones.sparse.engine import get_engine
from baselines.registry import load_method, method_source
from harness.errors import HarnessError
from harness.explain import explain
from harness.spec import BackboneSpec, MeasureSpec, MethodSpec, RecipeSpec, Strict

RESERVED = ("store", "data", "submissions")
"""Folders of --out that are no matrix's."""


class SyntheticConfig(Strict):
    """A synthetic data set to make before the run, instead of a root of the user's."""

    scans: int = Field(default=16, ge=3)
    azimuths: int = Field(default=512, ge=64, description="firings per turn; the real sensor has about 2000")
    seed: int = Field(default=0, ge=0)


class DatasetConfig(Strict):
    """Which data set; its root comes from the command line, the environment or harness.toml."""

    name: Literal["semantickitti"] = "semantickitti"
    synthetic: SyntheticConfig | None = None


class BackboneConfig(Strict):
    """A teacher and a student of one family on one grid."""

    name: str = "minkowskinet"
    teacher_width: float = Field(default=1.0, ge=NARROWEST, le=WIDEST)
    student_width: float = Field(default=0.5, ge=NARROWEST, le=WIDEST)
    voxel_size_m: float | None = Field(default=None, ge=0.005, le=10, description="None: that of the published recipe")
    settings: dict[str, Any] = Field(default_factory=dict, description="those that differ from the backbone's defaults")


class MethodConfig(Strict):
    """A method by name or dotted path, and the settings that differ from its defaults."""

    name: str
    settings: dict[str, Any] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _names_are_methods(cls, value: Any) -> Any:
        """Read ``pvd`` as ``{name: pvd}``, and ``a + b`` as the sum of a and b with their defaults."""
        if not isinstance(value, str):
            return value
        parts = [part.strip() for part in value.split("+")]
        return {"name": value} if len(parts) == 1 else {"name": "sum", "settings": {"methods": parts}}


class MatrixConfig(Strict):
    """A matrix file. Its cells are the product of backbones, methods and seeds, and the teachers they need."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")
    dataset: DatasetConfig = DatasetConfig()
    backbones: tuple[BackboneConfig, ...] = Field(min_length=1)
    methods: tuple[MethodConfig, ...] = Field(min_length=1)
    seeds: tuple[int, ...] = Field(default=(0,), min_length=1)
    teacher_seed: int | None = Field(default=None, ge=0, description="one teacher for all seeds; None: one per seed")
    recipe: RecipeSpec = RecipeSpec()
    measure: MeasureSpec = MeasureSpec()
    engine: str = "auto"
    submission: str | None = Field(default=None, description="method whose first cell is exported after the run")

    @field_validator("seeds")
    @classmethod
    def _seeds_differ(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        if len(set(value)) < len(value) or min(value) < 0:
            raise ValueError("seeds must be different numbers of at least 0")
        return value

    @model_validator(mode="after")
    def _methods_fit(self) -> MatrixConfig:
        """Refuse names of the store's own folders."""
        if self.name in RESERVED:
            raise ValueError(f"name must not be one of {', '.join(RESERVED)}: those folders are the harness's own")
        return self


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
    try:
        get_engine(matrix.engine)
    except ValueError as error:
        remedy = f"{error} `harness ls engines` lists those that can be used here."
        raise HarnessError(f"{where}, key engine", repr(matrix.engine), "an engine", remedy) from error
    backbones: list[BackboneConfig] = []
    networks: list[tuple[BackboneSpec, float]] = []
    for index, backbone in enumerate(matrix.backbones):
        key = f"{where}, key backbones.{index}"
        resolved = resolve_backbone(backbone, backbone.teacher_width, 1, key)
        network = (resolved, backbone.student_width)
        if network in networks:
            found = f"the same networks as backbones.{networks.index(network)}"
            raise HarnessError(key, found, "other widths, voxels or settings", "Remove one of them.")
        networks.append(network)
        # A setting that names a file becomes its content, so that the copy kept beside the results says all.
        settings = {name: resolved.settings[name] for name in backbone.settings}
        backbones.append(backbone.model_copy(update={"settings": settings}))
    methods: list[MethodSpec] = []
    for index, method in enumerate(matrix.methods):
        key = f"{where}, key methods.{index}"
        spec = resolve_method(method, key)
        if spec in methods:
            found = f"the same method and settings as methods.{methods.index(spec)}"
            raise HarnessError(key, found, "another name or other settings", "Remove one of them.")
        methods.append(spec)
    labels = [method.label for method in methods]
    if matrix.submission is not None and "+".join(sorted(matrix.submission.replace(" ", "").split("+"))) not in labels:
        expected = f"the method whose first cell is exported, one of {', '.join(labels)}"
        raise HarnessError(f"{where}, key submission", repr(matrix.submission), expected, "Mend the name.")
    return matrix.model_copy(update={"backbones": tuple(backbones)})


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
