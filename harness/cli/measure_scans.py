"""The scans that a verb of `harness measure` is shown, and the options that choose them: files, or a data set's."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.cli.data_options import DataChoice, dataset_options
from harness.cli.options import refuse_beside

if TYPE_CHECKING:
    from backbones.points import PointBatch
    from harness.data.dataset import Dataset
    from harness.data.splits import Split
    from harness.spec import DatasetName

_OF_A_DATASET = (
    "dataset", "semantickitti", "nuscenes", "version", "past_scans", "stride", "partial", "split", "scans",
)  # fmt: skip


@dataclass(frozen=True)
class FoundScans:
    """Scans to choose from.

    Attributes:
        dataset: of the data set's task; files are read as SemanticKITTI's.
        opened: the copy, or None for files.
        scan_ids: all there are: the split's, or the files' paths.
        count: how many are wanted.
    """

    dataset: DatasetName
    opened: Dataset | None
    scan_ids: tuple[str, ...]
    count: int

    def evenly(self) -> list[str]:
        """Return the wanted number of scans, evenly spaced."""
        from harness.data.evenly import evenly_spaced

        return evenly_spaced(self.scan_ids, self.count)

    def read(self, scan_id: str) -> PointBatch:
        """Read a scan as a batch of one.

        Raises:
            HarnessError: a file of it is damaged.
        """
        from harness.data.collate import collate
        from harness.data.kitti_files import read_points
        from harness.data.scan import Scan
        from harness.errors import HarnessError

        if self.opened is not None:
            return collate([self.opened.read(scan_id)])
        try:
            points = read_points(Path(scan_id))
        except HarnessError as error:
            raise HarnessError(error.where, error.found, error.expected, "Name a whole velodyne file.") from error
        return collate([Scan(scan_id, points[:, :3], points[:, 3], labels=None, instances=None)])


@dataclass(frozen=True)
class ScanChoice:
    """Scans as a user chose them.

    Attributes:
        files: velodyne files; empty for a data set.
        data: the data set.
        split: of the data set.
        count: scans to take of the split.
    """

    files: tuple[Path, ...]
    data: DataChoice
    split: Split
    count: int

    def open(self) -> FoundScans:
        """Look for the scans.

        Raises:
            HarnessError: there is no such copy, or neither files nor a root were named.
            click.UsageError: files and a data set were named.
            click.BadParameter: a file was named twice.
        """
        from harness.errors import HarnessError

        if self.files:
            refuse_beside("--scan", *_OF_A_DATASET)
            self._require_each_once()
            return FoundScans("semantickitti", None, tuple(map(str, self.files)), len(self.files))
        try:
            opened = self.data.open()
        except HarnessError as error:
            if self.data.root is not None:
                raise
            raise HarnessError(error.where, error.found, f"--scan FILE, or {error.expected}", error.remedy) from error
        return FoundScans(opened.name, opened, tuple(opened.scan_ids(self.split)), self.count)

    def _require_each_once(self) -> None:
        seen = set[Path]()
        for file in self.files:
            if (place := file.resolve()) in seen:
                raise click.BadParameter(f"'{file}' is named twice.", param_hint="'--scan'")
            seen.add(place)


def scan_options(most: int) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Return what gives a verb the options that choose scans; it takes them as one argument, ``scans``.

    Args:
        most: scans taken of a data set unless the user says how many.
    """

    def decorate(verb: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(verb)
        def chosen(files: tuple[Path, ...], split: Split, scans: int, data: DataChoice, **others: Any) -> None:
            verb(scans=ScanChoice(files, data, split, scans), **others)

        wrapped: Callable[..., None] = chosen
        for option in (
            click.option(
                "--scans", type=click.IntRange(1), default=most, show_default=True,
                help="Scans to take of the split, always the same ones.",
            ),
            click.option(
                "--split", type=click.Choice(["train", "val", "test"]), default="val", show_default=True,
                help="Of the data set.",
            ),
        ):  # fmt: skip
            wrapped = option(wrapped)
        wrapped = dataset_options(wrapped)
        file = click.option(
            "--scan",
            "files",
            type=click.Path(path_type=Path, exists=True, dir_okay=False),
            multiple=True,
            help="A velodyne .bin file; repeatable. Else a data set.",
        )
        return file(wrapped)

    return decorate
