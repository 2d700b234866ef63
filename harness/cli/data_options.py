"""Options that choose a data set and its copy."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from harness.config.models import DatasetConfig
    from harness.data.dataset import Dataset, Policy
    from harness.spec import DatasetName

DATASETS: tuple[DatasetName, ...] = ("semantickitti", "semantickitti-multiscan", "nuscenes")
"""As `harness.data.open` has them: named here once more, with their settings, so that ``--help`` need not load it."""

VERSIONS = ("v1.0-trainval", "v1.0-mini")
MOST_PAST_SCANS, MOST_STRIDE = 20, 50
SETTINGS_OF: Mapping[str, DatasetName] = {
    "version": "nuscenes",
    "past_scans": "semantickitti-multiscan",
    "stride": "semantickitti-multiscan",
}
"""Options that are settings of one data set, with its name."""

semantickitti_option = click.option(
    "--semantickitti",
    type=click.Path(path_type=Path),
    help="Root of SemanticKITTI: the folder with sequences/. Else SEMANTICKITTI_ROOT or ./harness.toml.",
)
nuscenes_option = click.option(
    "--nuscenes",
    type=click.Path(path_type=Path),
    help="Root of nuScenes: the folder with v1.0-*/, samples/ and lidarseg/. Else NUSCENES_ROOT or ./harness.toml.",
)
dataset_option = click.option(
    "--dataset",
    type=click.Choice(DATASETS),
    help="Data set and task. Default: nuscenes where only --nuscenes is given, else semantickitti.",
)
version_option = click.option(
    "--version", type=click.Choice(VERSIONS), help=f"Tables of nuScenes to use. Default: {VERSIONS[0]}."
)
past_scans_option = click.option(
    "--past-scans",
    type=click.IntRange(0, MOST_PAST_SCANS),
    metavar="N",
    help="Of semantickitti-multiscan: how many earlier scans stand beside each. Default: 2.",
)
stride_option = click.option(
    "--stride",
    type=click.IntRange(1, MOST_STRIDE),
    metavar="N",
    help="Of semantickitti-multiscan: frames from one scan to the one before it. Default: 1.",
)
partial_option = click.option(
    "--partial", is_flag=True, help="Use the scans that are there; results are marked partial."
)


@dataclass(frozen=True)
class DataChoice:
    """A data set as a user chose it.

    Attributes:
        name: of the data set and its task.
        root: as written on the command line, or None.
        partial: use the scans that are there.
        named: the user wrote the name, and it is not the usual one.
        settings: of the data set, those that the user chose.
    """

    name: DatasetName
    root: Path | None
    partial: bool
    named: bool = False
    settings: Mapping[str, Any] = field(default_factory=dict)

    def of_matrix(self, matrix: DatasetConfig) -> DataChoice:
        """Return the data set of a matrix, with its settings, in the copy that the user chose.

        Raises:
            click.UsageError: the user chose another data set, or settings of his own.
        """
        from harness.data.open import dataset_kind

        kinds = [dataset_kind(name).root_name for name in (matrix.name, self.name)]
        if self.name != matrix.name and (self.named or (self.root is not None and kinds[0] != kinds[1])):
            raise click.UsageError(f"--matrix is of {matrix.name}, and the data set is {self.name}: choose that one.")
        if self.settings:
            options = ", ".join(map(_option, self.settings))
            raise click.UsageError(f"--matrix decides {options}: give one or the other.")
        return replace(self, name=matrix.name, settings=matrix.settings)

    def open(self, policy: Policy = "fail") -> Dataset:
        """Open the copy.

        Raises:
            HarnessError: nothing names its root, or there is no such copy.
        """
        from harness.data.open import dataset_kind, open_dataset
        from harness.data.roots import find_root

        root = find_root(dataset_kind(self.name).root_name, self.root)
        return open_dataset(self.name, root, self.partial, policy, self.settings)


def dataset_options(verb: Callable[..., None]) -> Callable[..., None]:
    """Give a verb the options that choose a data set; it takes them as one argument, ``data``."""

    @functools.wraps(verb)
    def chosen(
        dataset: DatasetName | None, semantickitti: Path | None, nuscenes: Path | None, partial: bool, **others: Any
    ) -> None:
        settings = {key: others.pop(key) for key in SETTINGS_OF}
        verb(data=choose_data(dataset, semantickitti, nuscenes, partial, **settings), **others)

    wrapped: Callable[..., None] = chosen
    for option in (
        partial_option, stride_option, past_scans_option, version_option,
        nuscenes_option, semantickitti_option, dataset_option,
    ):  # fmt: skip
        wrapped = option(wrapped)
    return wrapped


def choose_data(
    dataset: DatasetName | None, semantickitti: Path | None, nuscenes: Path | None, partial: bool, **settings: Any
) -> DataChoice:
    """Return what the options choose together.

    Args:
        dataset: name of the data set and its task, if given.
        semantickitti: root, if given.
        nuscenes: root, if given.
        partial: use the scans that are there.
        settings: of one data set, as `SETTINGS_OF` has it; None where not given.

    Raises:
        click.UsageError: they contradict each other.
    """
    usual: DatasetName = "nuscenes" if nuscenes is not None and semantickitti is None else "semantickitti"
    name = dataset or usual
    wanted, other = (nuscenes, semantickitti) if name == "nuscenes" else (semantickitti, nuscenes)
    if other is not None:
        given = "--semantickitti" if name == "nuscenes" else "--nuscenes"
        raise click.UsageError(f"{given} names another data set than {name}: give the root of one of them.")
    told = {key: value for key, value in settings.items() if value is not None}
    for key in told:
        if name != SETTINGS_OF[key]:
            raise click.UsageError(f"{_option(key)} is a setting of {SETTINGS_OF[key]}; the data set is {name}.")
    return DataChoice(name, wanted, partial, dataset is not None, told)


def _option(setting: str) -> str:
    return "--" + setting.replace("_", "-")
