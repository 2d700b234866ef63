"""Matrix files: what a user writes, checked strictly, with suggestions for what was meant."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import ValidationError

from backbones.sparse.engine import get_engine
from harness.config.models import BackboneConfig, DatasetConfig, MatrixConfig
from harness.config.part_check import check_parts
from harness.config.parts import MatrixPart, parts
from harness.config.resolve import resolve_backbone
from harness.config.text import read_text
from harness.data.open import resolve_settings
from harness.errors import HarnessError
from harness.explain import explain

Config = TypeVar("Config")


def shipped_matrices() -> dict[str, Path]:
    """Return the matrices that come with the harness, by name."""
    folder = Path(str(resources.files("harness"))) / "matrices"
    return {path.stem: path for path in sorted(folder.glob("*.yaml"))}


def load_matrix(name_or_file: str) -> MatrixConfig:
    """Read a shipped matrix by its name, or a matrix file.

    Raises:
        HarnessError: there is no such matrix, or the file is no valid matrix.
    """
    return parse_matrix(*read_matrix(name_or_file))


def read_matrix(name_or_file: str) -> tuple[dict[str, Any], Path]:
    """Return the keys of a matrix as they are written, unchecked, and the file that they stand in.

    Raises:
        HarnessError: there is no such matrix, or the file has no keys.
    """
    shipped = shipped_matrices()
    path = shipped.get(name_or_file, Path(name_or_file))
    try:
        content = yaml.safe_load(read_text(path))
    except OSError as error:
        expected = f"a matrix file or one of {', '.join(shipped)}"
        found = "nothing of that name" if isinstance(error, FileNotFoundError) else f"'{error.strerror}' on reading"
        raise HarnessError(f"--matrix {name_or_file[:80]}", found, expected, "Mend the name.") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise HarnessError(path, " ".join(str(error).split()), "a YAML file", "Mend the file there.") from error
    if not isinstance(content, dict):
        raise HarnessError(path, f"a {type(content).__name__}", "a mapping of keys", "See docs/matrices.md.")
    return {"name": path.stem, **content}, path


def parse_matrix(content: Mapping[str, Any], where: object) -> MatrixConfig:
    """Validate the content of a matrix file, methods and their settings included, for each of its data sets.

    The settings of a network or method come back as they will be used, its heights included, where all data sets agree
    on them; where they don't, as they were given, since a file can't say both.

    Raises:
        HarnessError: a key or value is wrong; the message names it and suggests what was meant.
    """
    try:
        matrix = MatrixConfig.model_validate(_spell_datasets(content, where))
    except ValidationError as error:
        raise explain(error, MatrixConfig, where, "") from error
    _check_datasets(matrix, where, "dataset" in content)
    try:
        get_engine(matrix.engine)
    except ValueError as error:
        remedy = f"{error} `harness ls engines` lists those that can be used here."
        raise HarnessError(f"{where}, key engine", repr(matrix.engine), "an engine", remedy) from error
    matrix = matrix.model_copy(update={"backbones": _take_in_files(matrix, where)})
    made = parts(matrix)
    check_parts(matrix, made, where)
    return _spell_settings(matrix, made)


def matrix_text(matrix: MatrixConfig) -> str:
    """Return the text of a matrix file with every key, which reads as the same matrix."""
    return yaml.safe_dump(matrix.model_dump(mode="json"), sort_keys=False, allow_unicode=True)


def _spell_datasets(content: Mapping[str, Any], where: object) -> dict[str, Any]:
    """Return the content with the key ``datasets`` where it has the short form of one.

    Raises:
        HarnessError: it has both, or the one is wrong.
    """
    if "dataset" not in content:
        return dict(content)
    if "datasets" in content:
        remedy = "`dataset: X` is short for `datasets: [X]`: move it into the list."
        raise HarnessError(f"{where}, key dataset", "the key datasets beside it", "one of the two", remedy)
    others = {key: value for key, value in content.items() if key != "dataset"}
    try:
        return {**others, "datasets": (DatasetConfig.model_validate(content["dataset"]),)}
    except ValidationError as error:
        raise explain(error, DatasetConfig, where, "dataset.") from error


def _check_datasets(matrix: MatrixConfig, where: object, short: bool) -> None:
    """Refuse wrong settings of a data set, and the same data twice."""
    seen: list[tuple[object, ...]] = []
    for index, dataset in enumerate(matrix.datasets):
        key = f"{where}, key {'dataset' if short else f'datasets.{index}'}"
        data = (dataset.name, resolve_settings(dataset.name, dataset.settings, key), dataset.synthetic)
        if data in seen:
            found = f"the same data set and settings as datasets.{seen.index(data)}"
            raise HarnessError(key, found, "another name or other settings", "Remove one of them.")
        seen.append(data)


def _take_in_files(matrix: MatrixConfig, where: object) -> tuple[BackboneConfig, ...]:
    """Return the networks with what a file says instead of its name, so that a copy of the matrix says all."""
    backbones = []
    for index, given in enumerate(matrix.backbones):
        complete = resolve_backbone(given, given.teacher_width, 1, f"{where}, key backbones.{index}").settings
        backbones.append(given.model_copy(update={"settings": {name: complete[name] for name in given.settings}}))
    return tuple(backbones)


def _spell_settings(matrix: MatrixConfig, made: tuple[MatrixPart, ...]) -> MatrixConfig:
    used = {
        "backbones": _agreed(matrix.backbones, [part.backbones for part in made]),
        "methods": _agreed(matrix.methods, [part.methods for part in made]),
    }
    return matrix.model_copy(update=used)


def _agreed(given: tuple[Config, ...], used: list[tuple[Config, ...]]) -> tuple[Config, ...]:
    """Return each of the given ones as it is used on every data set, or as it is given where those differ."""
    return tuple(
        first if all(other == first for other in others) else own
        for own, (first, *others) in zip(given, zip(*used, strict=True), strict=True)
    )
