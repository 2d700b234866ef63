from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import click
import pytest
from pydantic import ValidationError

from harness.cli.data_options import (
    DATASETS,
    MOST_PAST_SCANS,
    MOST_STRIDE,
    SETTINGS_OF,
    VERSIONS,
    choose_data,
    dataset_options,
)
from harness.config.models import DatasetConfig
from harness.data.multiscan import MultiScanSettings
from harness.data.open import DATASETS as KNOWN
from harness.data.open import dataset_kind
from harness.spec import DatasetName

HERE, THERE = Path("here"), Path("there")


def test_the_names_are_those_of_the_data_sets() -> None:
    assert DATASETS == KNOWN
    versions = dataset_kind("nuscenes").Settings.model_fields["version"].annotation
    assert set(VERSIONS) == set(getattr(versions, "__args__", ()))
    assert dataset_kind("nuscenes").Settings.model_fields["version"].default == VERSIONS[0]


def test_the_settings_are_those_of_the_data_sets() -> None:
    for name in KNOWN:
        fields = dataset_kind(name).Settings.model_fields
        assert {setting for setting, owner in SETTINGS_OF.items() if owner == name} == set(fields)


@pytest.mark.parametrize("setting, most", [("past_scans", MOST_PAST_SCANS), ("stride", MOST_STRIDE)])
def test_the_bounds_are_those_of_the_data_set(setting: str, most: int) -> None:
    option = next(one for one in click.command()(dataset_options(lambda data: None)).params if one.name == setting)
    assert isinstance(option, click.Option)
    assert f"Default: {getattr(MultiScanSettings(), setting)}." in (option.help or "")
    assert MultiScanSettings.model_validate({setting: most})
    with pytest.raises(ValidationError):
        MultiScanSettings.model_validate({setting: most + 1})


@pytest.mark.parametrize(
    "dataset, semantickitti, nuscenes, expected",
    [
        (None, None, None, ("semantickitti", None)),
        (None, HERE, None, ("semantickitti", HERE)),
        (None, None, THERE, ("nuscenes", THERE)),
        ("nuscenes", None, None, ("nuscenes", None)),
        ("semantickitti-multiscan", HERE, None, ("semantickitti-multiscan", HERE)),
    ],
)
def test_the_roots_tell_the_data_set(
    dataset: str | None, semantickitti: Path | None, nuscenes: Path | None, expected: tuple[str, Path | None]
) -> None:
    choice = choose_data(dataset, semantickitti, nuscenes, partial=True, version=None, stride=None)
    assert (choice.name, choice.root) == expected
    assert choice.partial
    assert choice.settings == {}


@pytest.mark.parametrize(
    "given, settings, message",
    [
        ((None, HERE, THERE), {}, "give the root of one"),
        (("semantickitti", None, THERE), {}, "--nuscenes names another data set"),
        (("nuscenes", HERE, None), {}, "--semantickitti names another data set"),
        ((None, HERE, None), {"version": "v1.0-mini"}, "--version is a setting of nuscenes"),
        ((None, HERE, None), {"past_scans": 0}, "--past-scans is a setting of semantickitti-multiscan"),
        (("nuscenes", None, None), {"stride": 2}, "--stride is a setting of semantickitti-multiscan; .* is nuscenes"),
    ],
)
def test_options_that_contradict_each_other_are_refused(
    given: tuple[DatasetName | None, Path | None, Path | None], settings: dict[str, object], message: str
) -> None:
    with pytest.raises(click.UsageError, match=message):
        choose_data(*given, partial=False, **settings)


def test_a_copy_is_opened_with_the_settings_chosen(write_sequences: Callable[..., Path]) -> None:
    root = write_sequences({"00": 3})
    choice = choose_data("semantickitti-multiscan", root, None, partial=False, past_scans=1, stride=None)
    assert choice.open().settings == {"past_scans": 1, "stride": 1}
    assert len(choice.open().read("00/000002")) == 56 + 53


@pytest.mark.parametrize(
    "given, matrix, root",
    [
        ((None, HERE, None), "semantickitti", HERE),
        ((None, HERE, None), "semantickitti-multiscan", HERE),
        (("semantickitti-multiscan", HERE, None), "semantickitti-multiscan", HERE),
        ((None, None, THERE), "nuscenes", THERE),
        ((None, None, None), "nuscenes", None),
    ],
)
def test_a_matrix_brings_its_data_set_and_settings(
    given: tuple[DatasetName | None, Path | None, Path | None], matrix: DatasetName, root: Path | None
) -> None:
    settings = {"version": "v1.0-mini"} if matrix == "nuscenes" else {}
    choice = choose_data(*given, partial=True).of_matrix(DatasetConfig(name=matrix, settings=settings))
    assert (choice.name, choice.root, choice.partial, choice.settings) == (matrix, root, True, settings)


@pytest.mark.parametrize(
    "given, settings, matrix, message",
    [
        (("semantickitti", HERE, None), {}, "semantickitti-multiscan", "--matrix is of semantickitti-multiscan, and"),
        (("nuscenes", None, None), {}, "semantickitti", "the data set is nuscenes"),
        ((None, HERE, None), {}, "nuscenes", "--matrix is of nuscenes, and the data set is semantickitti"),
        ((None, None, THERE), {}, "semantickitti", "--matrix is of semantickitti, and the data set is nuscenes"),
        ((None, None, THERE), {"version": "v1.0-mini"}, "nuscenes", "--matrix decides --version"),
        (("semantickitti-multiscan", HERE, None), {"past_scans": 3}, "semantickitti-multiscan", "--past-scans"),
    ],
)
def test_what_contradicts_the_matrix_is_refused(
    given: tuple[DatasetName | None, Path | None, Path | None],
    settings: dict[str, object],
    matrix: DatasetName,
    message: str,
) -> None:
    with pytest.raises(click.UsageError, match=message):
        choose_data(*given, partial=False, **settings).of_matrix(DatasetConfig(name=matrix))
