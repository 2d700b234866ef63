"""Reader of SemanticKITTI, complete or not, and of synthetic sets in its layout."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from harness.data.completeness import Completeness, declared_scans, list_sequence, split_scan_id
from harness.data.kitti_files import read_points, read_whole_words, read_words
from harness.data.labels import SEMANTICKITTI, LabelMap
from harness.data.manifest import digest_files, manifest_hash
from harness.data.poses import sensor_poses
from harness.data.scan import Scan
from harness.data.splits import OFFICIAL_SCANS, SPLIT_OF_SEQUENCE, Split
from harness.errors import HarnessError
from harness.spec import Strict

Policy = Literal["fail", "skip-and-report"]


class DataDescription(Strict):
    """What a result says about its data, beside the manifest's hash."""

    name: Literal["semantickitti"]
    synthetic: bool
    partial: bool
    scans: dict[str, int]
    official_scans: dict[str, int]
    label_map: str


@dataclass(frozen=True)
class SemanticKitti:
    """A copy of SemanticKITTI.

    Attributes:
        root: folder that holds ``sequences/``.
        partial: the user agreed to work with the scans that are there.
        policy: what `screen` does with a damaged scan; `read` always raises.
        label_map: the task's classes.

    Raises:
        HarnessError: the folder is missing or holds no sequences.
    """

    root: Path
    partial: bool = False
    policy: Policy = "fail"
    label_map: LabelMap = SEMANTICKITTI

    def __post_init__(self) -> None:
        if not (self.root / "sequences").is_dir():
            found = "a folder without sequences/" if self.root.is_dir() else "no such folder"
            remedy = "Give the folder that holds sequences/, or make a set with `harness data synthesize`."
            raise HarnessError(self.root, found, "a copy of SemanticKITTI with sequences/NN/velodyne", remedy)

    @property
    def synthetic(self) -> bool:
        """Whether the set was made by `harness data synthesize`."""
        return self._declared is not None

    def official_scans(self, split: Split) -> Mapping[str, int]:
        """Scans of a split by sequence: the official numbers, or those a synthetic set declares."""
        return (self._declared or OFFICIAL_SCANS)[split]

    def completeness(self, split: Split) -> Completeness:
        """Compare the scans that are there with those of the split."""
        counts = self.official_scans(split).items()
        return Completeness(split, tuple(list_sequence(self.root, sequence, official) for sequence, official in counts))

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
            remedy = (
                "Complete the copy" if self.partial else "Complete the copy, or say --partial to use the scans found"
            )
            expected = f"the {listed.official} scans of the {split} split"
            raise HarnessError(self.root, found, expected, remedy + "; such results are marked partial.")
        return [f"{sequence.sequence}/{frame}" for sequence in listed.sequences for frame in sequence.found]

    def read(self, scan_id: str) -> Scan:
        """Read a scan with its labels; those of the test split are never looked for.

        Raises:
            HarnessError: no such scan, or one of its files is missing, truncated, empty, of another length, with NaN
                or infinite values, or with a raw id that the label map lacks.
        """
        points = read_points(self.points_path(scan_id))
        xyz, intensity = np.ascontiguousarray(points[:, :3]), np.ascontiguousarray(points[:, 3])
        if not self.labelled(scan_id):
            return Scan(scan_id, xyz, intensity, labels=None, instances=None)
        path = self.labels_path(scan_id)
        words = read_words(path, len(points))
        return Scan(scan_id, xyz, intensity, self.label_map.to_train(words, path), (words >> 16).astype(np.uint16))

    def read_labels(self, scan_id: str) -> NDArray[np.int64]:
        """Read a scan's labels alone, [N] train ids, for counting; only `read` compares N with the scan."""
        path = self.labels_path(scan_id)
        return self.label_map.to_train(read_whole_words(path), path)

    def labelled(self, scan_id: str) -> bool:
        """Whether the scan's split has public labels."""
        return SPLIT_OF_SEQUENCE[split_scan_id(scan_id)[0]] != "test"

    def points_path(self, scan_id: str) -> Path:
        """File of a scan's points."""
        sequence, frame = split_scan_id(scan_id)
        return self.root / "sequences" / sequence / "velodyne" / f"{frame}.bin"

    def labels_path(self, scan_id: str) -> Path:
        """File of a scan's labels."""
        sequence, frame = split_scan_id(scan_id)
        return self.root / "sequences" / sequence / "labels" / f"{frame}.label"

    def files(self, scan_id: str) -> list[str]:
        """Paths below the root of the files that a scan is read from."""
        paths = [self.points_path(scan_id), *([self.labels_path(scan_id)] if self.labelled(scan_id) else [])]
        return [path.relative_to(self.root).as_posix() for path in paths]

    def poses(self, sequence: str) -> NDArray[np.float64]:
        """Sensor poses of every frame of a sequence, [T, 4, 4]; see `harness.data.poses.sensor_poses`."""
        return sensor_poses(self.root / "sequences" / sequence)

    def manifest(self, scan_ids: Sequence[str], cache: Path | None = None) -> str:
        """Hash of the bytes of the scans and their labels; `cache` remembers the files that have not changed."""
        paths = [path for scan_id in scan_ids for path in self.files(scan_id)]
        return manifest_hash(digest_files(self.root, paths, cache))

    def description(self, splits: Sequence[Split] = ("train", "val")) -> DataDescription:
        """Say what this copy is; `partial` tells whether the named splits lack scans."""
        listed = [self.completeness(split) for split in splits]
        return DataDescription(
            name="semantickitti",
            synthetic=self.synthetic,
            partial=any(split.missing for split in listed),
            scans={split.split: split.found for split in listed},
            official_scans={split.split: split.official for split in listed},
            label_map=self.label_map.hash,
        )

    @cached_property
    def _declared(self) -> dict[Split, dict[str, int]] | None:
        return declared_scans(self.root)
