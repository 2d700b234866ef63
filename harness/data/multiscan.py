"""The multi-scan task of SemanticKITTI: a scan with those before it, standing and moving objects told apart."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from harness.data.alignment import align, drive_poses
from harness.data.completeness import SequenceListing, split_scan_id
from harness.data.dataset import DatasetSettings
from harness.data.input_file import AGAIN
from harness.data.labels import SEMANTICKITTI_MULTISCAN, LabelMap
from harness.data.scan import Scan
from harness.data.scan_check import Findings
from harness.data.semantickitti import SemanticKitti
from harness.errors import HarnessError
from harness.spec import DatasetName

PAST_SCANS = 2
STRIDE = 1


class MultiScanSettings(DatasetSettings):
    """Which scans stand beside the current one.

    Two past scans, three in all, are what Cylinder3D's released reader joins (re-read) and what KPConv's author reports
    for the leaderboard; the baselines of the data set's paper join five, ``past_scans: 4``, by its authors' answers.
    """

    past_scans: int = Field(default=PAST_SCANS, ge=0, le=20, description="past scans at most; 0 is the scan alone")
    stride: int = Field(default=STRIDE, ge=1, le=50, description="frames from one scan to the one before it")


@dataclass(frozen=True)
class SemanticKittiMultiScan(SemanticKitti):
    """A copy of SemanticKITTI and its multi-scan task: 25 classes, predicted for the current scan only.

    Attributes:
        root: folder that holds ``sequences/``.
        partial: the user agreed to work with the scans that are there; past scans that are not are then left out.
        policy: what `screen` does with a damaged scan; `read` always raises, for a damaged past scan too.
        label_map: the task's classes.
        past_scans: as `MultiScanSettings`.
        stride: as `MultiScanSettings`.

    Raises:
        HarnessError: the folder is missing or holds no sequences.
    """

    label_map: LabelMap = SEMANTICKITTI_MULTISCAN
    past_scans: int = PAST_SCANS
    stride: int = STRIDE

    name: ClassVar[DatasetName] = "semantickitti-multiscan"
    class_names: ClassVar[tuple[str, ...]] = SEMANTICKITTI_MULTISCAN.names
    Settings: ClassVar[type[DatasetSettings]] = MultiScanSettings

    def read(self, scan_id: str) -> Scan:
        """Read a scan and the ones before it, in the current sensor's frame.

        The current scan's points come first, as they are in its file, then the past ones, the nearest in time first.
        Past points keep their own labels and instances; `asked` marks the current ones.

        Raises:
            HarnessError: a scan is missing or damaged, as `SemanticKitti.read` tells, or the sequence has no poses for
                it. Poses are asked for even where no past scan is, so that a copy without them is found at once.
        """
        read_alone = super().read
        current, target = read_alone(scan_id), self._pose(scan_id)
        past = map(read_alone, self.past_ids(scan_id))
        return _join(current, [replace(scan, xyz=align(scan.xyz, self._pose(scan.scan_id), target)) for scan in past])

    def past_ids(self, scan_id: str) -> list[str]:
        """Scans that stand beside a scan, the nearest in time first; fewer at the start of a sequence."""
        sequence, frame = split_scan_id(scan_id)
        frames = [int(frame) - step * self.stride for step in range(1, self.past_scans + 1)]
        ids = [f"{sequence}/{past:06d}" for past in frames if past >= 0]
        return [past_id for past_id in ids if not self.partial or os.path.lexists(self.points_path(past_id))]

    def require_geometry(self, scan_ids: Sequence[str]) -> None:
        """Look for the pose of every scan; reads poses.txt and calib.txt of each sequence once."""
        for scan_id in scan_ids:
            self._pose(scan_id)

    def files(self, scan_id: str) -> list[str]:
        """Paths below the root of the files that a scan is read from, those of its past scans and poses among them."""
        folder = f"sequences/{split_scan_id(scan_id)[0]}"
        scans = map(super().files, [scan_id, *self.past_ids(scan_id)])
        return [*chain.from_iterable(scans), f"{folder}/poses.txt", f"{folder}/calib.txt"]

    def check_poses(self, listing: SequenceListing) -> Findings:
        """Look at poses.txt and calib.txt; without either no scan can be read."""
        found = super().check_poses(listing)
        return Findings(faults=(*found.faults, *found.notes))

    def poses(self, sequence: str) -> NDArray[np.float64]:
        """Sensor poses of every frame of a sequence, [T, 4, 4], read once; see `harness.data.alignment.drive_poses`."""
        if sequence not in self._poses_read:
            self._poses_read[sequence] = drive_poses(self.root / "sequences" / sequence)
        return self._poses_read[sequence]

    def _pose(self, scan_id: str) -> NDArray[np.float64]:
        sequence, frame = split_scan_id(scan_id)
        poses = self.poses(sequence)
        if int(frame) >= len(poses):
            path = self.root / "sequences" / sequence / "poses.txt"
            raise HarnessError(path, f"{len(poses)} poses", f"at least {int(frame) + 1}, one a frame", AGAIN)
        pose: NDArray[np.float64] = poses[int(frame)]
        return pose

    @cached_property
    def _poses_read(self) -> dict[str, NDArray[np.float64]]:
        return {}

    def __getstate__(self) -> dict[str, Any]:
        """Leave the poses behind: a worker reads those it needs, which is quicker than to send them all."""
        return {key: value for key, value in self.__dict__.items() if key != "_poses_read"}


def _join(current: Scan, past: Sequence[Scan]) -> Scan:
    """Put past scans behind the current one; all have labels or none has, as scans of one split."""
    scans = [current, *past]
    labels = [scan.labels for scan in scans if scan.labels is not None]
    instances = [scan.instances for scan in scans if scan.instances is not None]
    return Scan(
        scan_id=current.scan_id,
        xyz=np.concatenate([scan.xyz for scan in scans]),
        intensity=np.concatenate([scan.intensity for scan in scans]),
        labels=np.concatenate(labels) if labels else None,
        instances=np.concatenate(instances) if instances else None,
        asked=np.repeat([True, False], [len(current), sum(map(len, past))]),
    )
