"""Data sets: where they lie, and how much of them is there."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any, get_args

from harness.data.completeness import SequenceListing
from harness.data.dataset import Dataset
from harness.data.nuscenes.splits import Version
from harness.data.open import open_dataset
from harness.data.roots import find_root
from harness.data.splits import SPLITS, Split
from harness.data.user_file import CONFIG_FILE
from harness.errors import HarnessError
from harness.spec import DatasetName

_TRIED: dict[DatasetName, list[dict[str, Any]]] = {"nuscenes": [{"version": version} for version in get_args(Version)]}
"""Settings to open a copy with, the first that it can be opened with; a data set left out has no choice."""


@dataclass(frozen=True)
class Sequence:
    """A sequence, or scene, by the names of its files, which are not read.

    Attributes:
        split: that it belongs to.
        scans: found.
        labels: label files found.
        expected: scans of the official, or declared, sequence.
    """

    split: Split
    scans: int
    labels: int
    expected: int


@dataclass(frozen=True)
class DataRoot:
    """A data set.

    Attributes:
        name: of the data set.
        source: what names the root: the option, the environment variable or the file; None when nothing does.
        path: the root, or None.
        synthetic: whether `harness data synthesize` made it.
        settings: that it was opened with.
        sequences: those that have a scan, by name.
        fault: what is wrong and what to do, or None.
    """

    name: str
    source: str | None
    path: str | None
    synthetic: bool = False
    settings: Mapping[str, Any] = field(default_factory=dict)
    sequences: Mapping[str, Sequence] = field(default_factory=dict)
    fault: str | None = None

    def found(self, split: Split) -> int:
        """Return the number of scans of a split."""
        return sum(sequence.scans for sequence in self.sequences.values() if sequence.split == split)


def inspect_data(name: DatasetName, given: Path | None) -> DataRoot:
    """Look for a data set and count its scans and label files.

    Args:
        name: of the data set.
        given: its root, as the user wrote it on the command line.
    """
    try:
        path = find_root(name, given)
    except HarnessError as error:
        source = CONFIG_FILE if Path(CONFIG_FILE).exists() else None
        return DataRoot(name=name, source=source, path=None, fault=str(error))
    place = DataRoot(name=name, source=_source(name, given), path=str(path))
    try:
        dataset = _open(name, path)
        place = replace(place, settings=dataset.settings)
        sequences = dict(_sequences(dataset))
    except HarnessError as error:
        return replace(place, fault=str(error))
    fault = None if sequences else str(_nothing(path))
    return replace(place, synthetic=dataset.synthetic, sequences=sequences, fault=fault)


def _open(name: DatasetName, path: Path) -> Dataset:
    """Open a copy with the first settings that it can be opened with; where there are none, raise the first error."""
    errors: list[HarnessError] = []
    for settings in _TRIED.get(name, [{}]):
        try:
            return open_dataset(name, path, partial=True, settings=settings)
        except HarnessError as error:
            errors.append(error)
    raise errors[0]


def _source(name: str, given: Path | None) -> str:
    """Return what named the root, by the precedence of `find_root`."""
    variable = f"{name.upper()}_ROOT"
    return f"--{name}" if given is not None else variable if os.environ.get(variable) else CONFIG_FILE


def _sequences(dataset: Dataset) -> Iterator[tuple[str, Sequence]]:
    files_of = cache(_file_names)
    for split in SPLITS:
        for listing in dataset.completeness(split).sequences:
            if listing.fault is not None:
                raise listing.fault
            if listing.found:
                paths = _label_paths(dataset, listing)
                labels = sum(path.name in files_of(path.parent) for path in paths)
                part = Sequence(split=split, scans=len(listing.found), labels=labels, expected=listing.official)
                yield listing.sequence, part


def _label_paths(dataset: Dataset, listing: SequenceListing) -> list[Path]:
    scan_ids = [f"{listing.sequence}/{frame}" for frame in listing.found]
    return [dataset.labels_path(scan_id) for scan_id in scan_ids if dataset.labelled(scan_id)]


def _file_names(folder: Path) -> frozenset[str]:
    """Names of the files in a folder, read at once: nuScenes has 34 000 in one."""
    try:
        with os.scandir(folder) as entries:
            return frozenset(entry.name for entry in entries if entry.is_file())
    except OSError:
        return frozenset()


def _nothing(root: Path) -> HarnessError:
    expected = "a copy with at least one scan of a split"
    return HarnessError(root, "no scan", expected, "Correct the path, or fetch the data set again.")
