from __future__ import annotations

from pathlib import Path

import click
import pytest

from harness.cli.data_options import DATASETS, VERSIONS, choose_data
from harness.data.open import DATASETS as KNOWN
from harness.data.open import dataset_kind

HERE, THERE = Path("here"), Path("there")


def test_the_names_are_those_of_the_data_sets() -> None:
    assert DATASETS == KNOWN
    versions = dataset_kind("nuscenes").Settings.model_fields["version"].annotation
    assert set(VERSIONS) == set(getattr(versions, "__args__", ()))
    assert dataset_kind("nuscenes").Settings.model_fields["version"].default == VERSIONS[0]


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
    choice = choose_data(dataset, semantickitti, nuscenes, None, partial=True)
    assert (choice.name, choice.root) == expected
    assert choice.partial


@pytest.mark.parametrize(
    "given, message",
    [
        ((None, HERE, THERE, None), "give the root of one"),
        (("semantickitti", None, THERE, None), "--nuscenes names another data set"),
        (("nuscenes", HERE, None, None), "--semantickitti names another data set"),
        ((None, HERE, None, "v1.0-mini"), "--version chooses tables of nuScenes"),
    ],
)
def test_options_that_contradict_each_other_are_refused(
    given: tuple[str | None, Path | None, Path | None, str | None], message: str
) -> None:
    with pytest.raises(click.UsageError, match=message):
        choose_data(*given, partial=False)
