"""Reader of SemanticKITTI, complete or not, and of synthetic sets in its layout."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from harness.data.completeness import Completeness, SequenceListing, declared_scans, list_sequence, split_scan_id
from harness.data.dataset import Dataset, Policy
from harness.data.input_file import unreadable
from harness.data.kitti_check import (
    check_kitti_labels,
    check_kitti_poses,
    check_kitti_scan,
    check_kitti_sequences,
)
from harness.data.kitti_files import read_points, read_whole_words, read_words
from harness.data.labels import SEMANTICKITTI, LabelMap
from harness.data.poses import sensor_poses
from harness.data.scan import Scan
from harness.data.scan_check import Findings, ScanCheck
from harness.data.splits import OFFICIAL_SCANS, SPLIT_OF_SEQUENCE, SPLITS, Split
from harness.errors import HarnessError
from harness.spec import DatasetName, ScoringRule


@dataclass(frozen=True)
class SemanticKitti(Dataset):
    """A copy of SemanticKITTI and its single-scan task.

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

    name: ClassVar[DatasetName] = "semantickitti"
    root_name: ClassVar[str] = "semantickitti"
    class_names: ClassVar[tuple[str, ...]] = SEMANTICKITTI.names
    scoring_rule: ClassVar[ScoringRule] = "semantickitti-official"
    official_counts: ClassVar[Mapping[Split, int]] = {split: sum(c.values()) for split, c in OFFICIAL_SCANS.items()}

    def __post_init__(self) -> None:
        try:
            there = (self.root / "sequences").is_dir()
        except OSError as error:
            raise unreadable(self.root, error) from error
        if not there:
            found = "a folder without sequences/" if self.root.is_dir() else "no such folder"
            remedy = "Give the folder that holds sequences/, or make a set with `harness data synthesize`."
            raise HarnessError(self.root, found, "a copy of SemanticKITTI with sequences/NN/velodyne", remedy)

    @property
    def synthetic(self) -> bool:
        """Whether the set was made by `harness data synthesize`."""
        return self._declared is not None

    def completeness(self, split: Split) -> Completeness:
        """Compare the scans that are there with those of the split."""
        counts = (self._declared or OFFICIAL_SCANS)[split].items()
        return Completeness(split, tuple(list_sequence(self.root, sequence, official) for sequence, official in counts))

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

    def check_scan(self, scan_id: str) -> ScanCheck:
        """Read a scan's own files once each, hash them and list every fault; raises nothing for a damaged one."""
        labels = self.labels_path(scan_id) if self.labelled(scan_id) else None
        return check_kitti_scan(self.root, self.points_path(scan_id), labels, self.label_map)

    def check_sequence(self, listing: SequenceListing) -> Findings:
        """Look at the poses and the calibration of a sequence, and for label files that nothing reads."""
        labelled = SPLIT_OF_SEQUENCE[listing.sequence] != "test"
        folder = self.root / "sequences" / listing.sequence
        return Findings.joined([self.check_poses(listing), check_kitti_labels(folder, listing, labelled)])

    def check_poses(self, listing: SequenceListing) -> Findings:
        """Look at poses.txt and calib.txt; one that is missing is a note, for a single scan needs neither."""
        return check_kitti_poses(self.root / "sequences" / listing.sequence, listing)

    def check_copy(self) -> Findings:
        """Look for sequences that no split has."""
        return check_kitti_sequences(self.root, [name for split in SPLITS for name in self.official_scans(split)])

    @cached_property
    def _declared(self) -> dict[Split, dict[str, int]] | None:
        return declared_scans(self.root)
