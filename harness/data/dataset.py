"""What every data set offers: its scans by split, their points and labels, and what makes a copy what it is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from harness.data.completeness import Completeness, SequenceListing
from harness.data.labels import LabelMap
from harness.data.manifest import digest_files, manifest_hash
from harness.data.scan import Scan
from harness.data.scan_check import Findings, ScanCheck
from harness.data.splits import Split
from harness.errors import HarnessError
from harness.spec import DatasetName, ScoringRule, Strict

Policy: TypeAlias = Literal["fail", "skip-and-report"]


class DatasetSettings(Strict):
    """What a data set may be told besides its root; most take nothing."""


class DataDescription(Strict):
    """What a result says about its data, beside the manifest's hash."""

    name: DatasetName
    synthetic: bool
    partial: bool
    scans: dict[str, int]
    official_scans: dict[str, int]
    label_map: str
    settings: dict[str, Any]


class Dataset(ABC):
    """A copy of a data set and the task on it. Made as ``Kind(root, partial, policy, **settings)``.

    Attributes:
        root: folder of the copy.
        partial: the user agreed to work with the scans that are there.
        policy: what `screen` does with a damaged scan; `read` always raises.
        name: of the data set and its task, as in a cell's spec.
        root_name: what names the root: ``--semantickitti``, ``SEMANTICKITTI_ROOT``.
        class_names: by train id, 0 is ignored; [C + 1].
        scoring_rule: the official rule that scores it.
        official_counts: scans of the whole data set by split.
        Settings: what it may be told.
    """

    root: Path
    partial: bool
    policy: Policy
    name: ClassVar[DatasetName]
    root_name: ClassVar[str]
    class_names: ClassVar[tuple[str, ...]]
    scoring_rule: ClassVar[ScoringRule]
    official_counts: ClassVar[Mapping[Split, int]]
    Settings: ClassVar[type[DatasetSettings]] = DatasetSettings

    @property
    @abstractmethod
    def label_map(self) -> LabelMap:
        """The task's classes and the raw ids that stand for them in this copy."""

    @property
    @abstractmethod
    def synthetic(self) -> bool:
        """Whether the set was made by `harness data synthesize`."""

    @property
    def settings(self) -> dict[str, Any]:
        """The settings that the copy was opened with, complete; those of `Settings`."""
        return {key: getattr(self, key) for key in self.Settings.model_fields}

    @abstractmethod
    def completeness(self, split: Split) -> Completeness:
        """Compare the scans that are there with those of the split."""

    @abstractmethod
    def read(self, scan_id: str) -> Scan:
        """Read a scan with its labels; those of the test split are never looked for.

        Raises:
            HarnessError: no such scan, or one of its files is missing, damaged or does not fit the others.
        """

    @abstractmethod
    def read_labels(self, scan_id: str) -> NDArray[np.int64]:
        """Read a scan's labels alone, [N] train ids, for counting; only `read` compares N with the scan."""

    @abstractmethod
    def labelled(self, scan_id: str) -> bool:
        """Whether the scan's split has public labels."""

    @abstractmethod
    def points_path(self, scan_id: str) -> Path:
        """File of a scan's points."""

    @abstractmethod
    def labels_path(self, scan_id: str) -> Path:
        """File of a scan's labels, where the scan is `labelled`."""

    @abstractmethod
    def files(self, scan_id: str) -> list[str]:
        """Paths below the root, with forward slashes, of all files that a scan is read from."""

    def file(self, path: str) -> Path:
        """File of a path that `files` lists.

        Raises:
            HarnessError: it is one that is never read, such as a link that leaves the copy.
        """
        return self.root / path

    @abstractmethod
    def check_scan(self, scan_id: str) -> ScanCheck:
        """Read a scan's own files once each, hash them and list every fault; raises nothing for a damaged one."""

    @abstractmethod
    def check_sequence(self, listing: SequenceListing) -> Findings:
        """Look at what belongs to a sequence beside its scans: where the sensor was, its calibration, unused files."""

    def check_copy(self) -> Findings:
        """Look at what belongs to no sequence; an error that ends the look is a fault."""
        return Findings()

    def require_geometry(self, scan_ids: Sequence[str]) -> None:  # noqa: B027  # most tasks need none
        """Find out, without reading the scans, whether it is known where the sensor was, if reading them needs that.

        Raises:
            HarnessError: as `read` of the first scan that lacks it.
        """

    def official_scans(self, split: Split) -> Mapping[str, int]:
        """Scans of a split by sequence: the official numbers, or those a synthetic set declares."""
        return {listing.sequence: listing.official for listing in self.completeness(split).sequences}

    def scan_ids(self, split: Split) -> list[str]:
        """List the scans of a split, in order of sequence and frame.

        Raises:
            HarnessError: scans are missing and `partial` was not given, or none is there, or a sequence's folder is
                empty or holds scans of something else.
        """
        listed = self.completeness(split)
        for sequence in listed.sequences:
            if sequence.fault is not None:
                raise sequence.fault
        if listed.found == 0 or (listed.missing and not self.partial):
            found = f"{listed.found} scans ({listed.missing or 'no sequence'})"
            remedy = "Complete the copy."
            if listed.found:
                remedy = "Complete the copy, or say --partial to use the scans found; such results are marked partial."
            raise HarnessError(self.root, found, f"the {listed.official} scans of the {split} split", remedy)
        return [f"{sequence.sequence}/{frame}" for sequence in listed.sequences for frame in sequence.found]

    def manifest(self, scan_ids: Sequence[str], cache: Path | None = None) -> str:
        """Hash of the bytes that the scans are read from; `cache` remembers the files that have not changed."""
        paths = dict.fromkeys(path for scan_id in scan_ids for path in self.files(scan_id))
        return manifest_hash(digest_files(self.root, list(paths), cache))

    def description(self, splits: Sequence[Split] = ("train", "val")) -> DataDescription:
        """Say what this copy is; `partial` tells whether the named splits lack scans."""
        listed = [self.completeness(split) for split in splits]
        return DataDescription(
            name=self.name,
            synthetic=self.synthetic,
            partial=any(split.missing for split in listed),
            scans={split.split: split.found for split in listed},
            official_scans={split.split: split.official for split in listed},
            label_map=self.label_map.hash,
            settings=self.settings,
        )
