"""Options that choose a data set and its copy."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from harness.data.dataset import Dataset, Policy
    from harness.spec import DatasetName

DATASETS = ("semantickitti", "semantickitti-multiscan", "nuscenes")
"""As `harness.data.open` has them: named here once more, so that ``--help`` need not load it."""

VERSIONS = ("v1.0-trainval", "v1.0-mini")

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
partial_option = click.option(
    "--partial", is_flag=True, help="Use the scans that are there; results are marked partial."
)


@dataclass(frozen=True)
class DataChoice:
    """A data set as a user chose it.

    Attributes:
        name: of the data set and its task.
        root: as written on the command line, or None.
        version: of nuScenes, or None for the usual one.
        partial: use the scans that are there.
    """

    name: DatasetName
    root: Path | None
    version: str | None
    partial: bool

    def open(self, policy: Policy = "fail") -> Dataset:
        """Open the copy.

        Raises:
            HarnessError: nothing names its root, or there is no such copy.
        """
        from harness.data.open import dataset_kind, open_dataset
        from harness.data.roots import find_root

        root = find_root(dataset_kind(self.name).root_name, self.root)
        settings = {} if self.version is None else {"version": self.version}
        return open_dataset(self.name, root, self.partial, policy, settings)


def dataset_options(verb: Callable[..., None]) -> Callable[..., None]:
    """Give a verb the options that choose a data set; it takes them as one argument, ``data``."""

    @functools.wraps(verb)
    def chosen(
        dataset: str | None, semantickitti: Path | None, nuscenes: Path | None, version: str | None, partial: bool,
        **others: Any,
    ) -> None:  # fmt: skip
        verb(data=choose_data(dataset, semantickitti, nuscenes, version, partial), **others)

    version_option = click.option(
        "--version", type=click.Choice(VERSIONS), help=f"Tables of nuScenes to use. Default: {VERSIONS[0]}."
    )
    dataset_option = click.option(
        "--dataset",
        type=click.Choice(DATASETS),
        help="Data set and task. Default: nuscenes where only --nuscenes is given, else semantickitti.",
    )
    wrapped: Callable[..., None] = chosen
    for option in (partial_option, version_option, nuscenes_option, semantickitti_option, dataset_option):
        wrapped = option(wrapped)
    return wrapped


def choose_data(
    dataset: str | None, semantickitti: Path | None, nuscenes: Path | None, version: str | None, partial: bool
) -> DataChoice:
    """Return what the options choose together.

    Raises:
        click.UsageError: they contradict each other.
    """
    usual = "nuscenes" if nuscenes is not None and semantickitti is None else "semantickitti"
    name = next(known for known in DATASETS if known == (dataset or usual))
    wanted, other = (nuscenes, semantickitti) if name == "nuscenes" else (semantickitti, nuscenes)
    if other is not None:
        given = "--semantickitti" if name == "nuscenes" else "--nuscenes"
        raise click.UsageError(f"{given} names another data set than {name}: give the root of one of them.")
    if version is not None and name != "nuscenes":
        raise click.UsageError(f"--version chooses tables of nuScenes; the data set is {name}.")
    return DataChoice(name, wanted, version, partial)  # type: ignore[arg-type]  # the literal is checked by a test
