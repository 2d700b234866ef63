"""Open a data set by its name."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, cast, get_args

from pydantic import ValidationError

from harness.data.dataset import Dataset, Policy
from harness.explain import explain
from harness.spec import DatasetName

_PLACES: dict[DatasetName, str] = {
    "semantickitti": "harness.data.semantickitti:SemanticKitti",
    "semantickitti-multiscan": "harness.data.multiscan:SemanticKittiMultiScan",
    "nuscenes": "harness.data.nuscenes.dataset:NuScenes",
}

DATASETS: tuple[DatasetName, ...] = get_args(DatasetName)
"""Data sets that can be opened, each with its task."""


def dataset_kind(name: DatasetName) -> type[Dataset]:
    """Return the class of a data set."""
    module, _, kind = _PLACES[name].partition(":")
    return cast(type[Dataset], getattr(import_module(module), kind))


def class_count(name: DatasetName) -> int:
    """Return the number of scored classes of a data set."""
    return len(dataset_kind(name).class_names) - 1


def resolve_settings(name: DatasetName, settings: Mapping[str, Any], where: object) -> dict[str, Any]:
    """Return the complete settings of a data set, defaults included.

    Raises:
        HarnessError: a setting is unknown or wrong; names `where`.
    """
    kind = dataset_kind(name)
    try:
        return kind.Settings.model_validate(dict(settings)).model_dump(mode="json")
    except ValidationError as error:
        raise explain(error, kind.Settings, where, "settings.") from error


def open_dataset(
    name: DatasetName,
    root: Path,
    partial: bool = False,
    policy: Policy = "fail",
    settings: Mapping[str, Any] | None = None,
) -> Dataset:
    """Open a copy of a data set.

    Args:
        name: one of `DATASETS`.
        root: folder of the copy.
        partial: work with the scans that are there.
        policy: what happens to a damaged scan before a run.
        settings: those that differ from the data set's defaults.

    Raises:
        HarnessError: a setting is wrong, or there is no such copy at `root`.
    """
    complete = resolve_settings(name, settings or {}, f"data set {name}")
    kind: Any = dataset_kind(name)
    return cast(Dataset, kind(root, partial, policy, **complete))
