"""Reader of nuScenes-lidarseg, complete or not, and of synthetic sets in its layout."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from harness.data.completeness import Completeness, SequenceListing
from harness.data.dataset import Dataset, DatasetSettings, Policy
from harness.data.input_file import unreadable
from harness.data.labels import LabelMap
from harness.data.nuscenes.build import TEST_VERSION, table_files
from harness.data.nuscenes.categories import NAMES, read_label_map
from harness.data.nuscenes.check import check_keyframe, check_label_files
from harness.data.nuscenes.completeness import split_completeness
from harness.data.nuscenes.declared import declared_scenes
from harness.data.nuscenes.index import Index, Keyframe
from harness.data.nuscenes.index_cache import open_index
from harness.data.nuscenes.names import labels_folder, own_file
from harness.data.nuscenes.scan_files import HIGHEST_INTENSITY, read_labels, read_points, read_whole_labels
from harness.data.nuscenes.splits import OFFICIAL_KEYFRAMES, Version, scene_names
from harness.data.scan import Scan
from harness.data.scan_check import Findings, ScanCheck, told
from harness.data.splits import Split
from harness.errors import HarnessError
from harness.spec import DatasetName, ScoringRule


class NuScenesSettings(DatasetSettings):
    """Which tables a copy is read by."""

    version: Version = "v1.0-trainval"


@dataclass(frozen=True)
class NuScenes(Dataset):
    """A copy of nuScenes-lidarseg.

    A scan is a keyframe of the lidar, ``<scene>/<token of its row in sample_data>``. Train and val are those of the
    version, test is that of ``v1.0-test``, whose tables only have to be there when it is asked for.

    Attributes:
        root: folder that holds ``samples/``, ``lidarseg/`` and the tables' folders.
        partial: the user agreed to work with the scans that are there.
        policy: what `screen` does with a damaged scan; `read` always raises.
        version: of the tables that train and val are read by.

    Raises:
        HarnessError: the folder is missing or has no tables of the version.
    """

    root: Path
    partial: bool = False
    policy: Policy = "fail"
    version: Version = "v1.0-trainval"

    name: ClassVar[DatasetName] = "nuscenes"
    root_name: ClassVar[str] = "nuscenes"
    class_names: ClassVar[tuple[str, ...]] = NAMES
    scoring_rule: ClassVar[ScoringRule] = "nuscenes-official"
    official_counts: ClassVar[Mapping[Split, int]] = (
        OFFICIAL_KEYFRAMES["v1.0-trainval"] | OFFICIAL_KEYFRAMES[TEST_VERSION]
    )
    Settings: ClassVar[type[DatasetSettings]] = NuScenesSettings

    def __post_init__(self) -> None:
        try:
            there = (self.root / self.version).is_dir()
        except OSError as error:
            raise unreadable(self.root, error) from error
        if not there:
            found = f"a folder without {self.version}/" if self.root.is_dir() else "no such folder"
            remedy = "Give the folder that holds the tables' folder, or another version (v1.0-trainval, v1.0-mini)."
            raise HarnessError(self.root, found, f"a copy of nuScenes with {self.version}/ and samples/", remedy)

    def __getstate__(self) -> dict[str, Any]:
        """Go to a worker without what can be read there."""
        return {key: getattr(self, key) for key in self.__dataclass_fields__}

    @cached_property
    def label_map(self) -> LabelMap:
        """The sixteen classes and the raw ids that stand for them in this copy.

        Raises:
            HarnessError: ``category.json`` is missing, damaged, or that of a copy without lidarseg.
        """
        return read_label_map(self.root / self.version)

    @cached_property
    def synthetic(self) -> bool:
        """Whether the set was made by `harness data synthesize`."""
        return declared_scenes(self.root) is not None

    def completeness(self, split: Split) -> Completeness:
        """Compare the scans that are there with those of the split.

        Raises:
            HarnessError: the tables can't be read, or have not the scenes and keyframes of the split.
        """
        version = TEST_VERSION if split == "test" else self.version
        return split_completeness(self.root, version, split)

    def scan_ids(self, split: Split) -> list[str]:
        """List the scans of a split, in order of scene and time.

        Raises:
            HarnessError: as `Dataset.scan_ids`; as `label_map`, which not one scan could be read without.
        """
        listed = super().scan_ids(split)
        _ = self.label_map
        return listed

    def read(self, scan_id: str) -> Scan:
        """Read a scan with its labels; those of the test split are never looked for. Intensities are divided by 255.

        Raises:
            HarnessError: no such scan, or one of its files is missing, no regular file, truncated, of another length,
                with impossible values, or with a raw id that ``category.json`` lacks.
        """
        points = read_points(self.points_path(scan_id))
        xyz = np.ascontiguousarray(points[:, :3])
        intensity = points[:, 3] / np.float32(HIGHEST_INTENSITY)
        labels = None
        if self.labelled(scan_id):
            path = self.labels_path(scan_id)
            labels = self._to_train(read_labels(path, len(points)), path)
        return Scan(scan_id, xyz, intensity, labels, instances=None)

    def read_labels(self, scan_id: str) -> NDArray[np.int64]:
        """Read a scan's labels alone, [N] train ids, for counting; only `read` compares N with the scan."""
        path = self.labels_path(scan_id)
        return self._to_train(read_whole_labels(path), path)

    def labelled(self, scan_id: str) -> bool:
        """Whether the scan's split has public labels."""
        return self._version_of(scan_id) != TEST_VERSION

    def points_path(self, scan_id: str) -> Path:
        """File of a scan's points.

        Raises:
            HarnessError: no such scan, or the file is a link that leaves the copy.
        """
        return own_file(self.root, self.keyframe(scan_id).points)

    def labels_path(self, scan_id: str) -> Path:
        """File of a scan's labels.

        Raises:
            HarnessError: no such scan, or one without labels, or the file is a link that leaves the copy.
        """
        labels = self.keyframe(scan_id).labels
        if labels is None:
            raise HarnessError(f"scan {scan_id}", "a scan of the test split", "one with public labels", "Take another.")
        return own_file(self.root, labels)

    def files(self, scan_id: str) -> list[str]:
        """Paths below the root of the files that a scan is read from: its own, and the tables that name them."""
        keyframe, version = self.keyframe(scan_id), self._version_of(scan_id)
        own = [name for name in (keyframe.points, keyframe.labels) if name is not None]
        return [*own, f"{self.version}/category.json", *(f"{version}/{table}" for table in table_files(version))]

    def file(self, path: str) -> Path:
        """File of a path that `files` lists; raises what `points_path` and `labels_path` do."""
        folder = path.partition("/")[0]
        return self.root / path if folder in (self.version, TEST_VERSION) else own_file(self.root, path)

    def check_scan(self, scan_id: str) -> ScanCheck:
        """Read a scan's own files once each, hash them and list every fault; raises nothing for a damaged one."""
        labels = partial(self.labels_path, scan_id) if self.labelled(scan_id) else None
        return check_keyframe(self.root, partial(self.points_path, scan_id), labels, self._known_classes)

    def check_sequence(self, listing: SequenceListing) -> Findings:
        """Find nothing: what belongs to a scene stands in the tables, which were checked when they were opened."""
        return Findings()

    def check_copy(self) -> Findings:
        """Look at the categories, and for label files that the tables do not name."""
        return Findings.joined([told(self._check_categories), told(self._check_label_files)])

    def _check_categories(self) -> Findings:
        _ = self.label_map
        return Findings()

    def _check_label_files(self) -> Findings:
        folder = self.root / labels_folder(self.version)
        labels = self._labelled_index.columns["labels"]
        return check_label_files(folder, {name.rpartition("/")[2] for name in labels})

    def keyframe(self, scan_id: str) -> Keyframe:
        """Return what the tables say of a scan.

        Raises:
            HarnessError: no such scan, or the tables can't be read.
        """
        scene, _, token = scan_id.partition("/")
        index = self._labelled_index if self._version_of(scan_id) == self.version else self._test_index
        found = index.find(token)
        if found is None or found.scene != scene:
            expected = "a scene and the token of one of its lidar keyframes"
            raise HarnessError(f"scan {scan_id[:80]!r}", "no such keyframe", expected, "Write it as scene-0103/TOKEN.")
        return found

    def pose(self, scan_id: str) -> NDArray[np.float64]:
        """Return the pose of the sensor in the world when the scan was complete, [4, 4] float64, metres."""
        keyframe = self.keyframe(scan_id)
        return keyframe.ego.matrix() @ keyframe.sensor.matrix()

    def _version_of(self, scan_id: str) -> str:
        return TEST_VERSION if scan_id.partition("/")[0] in scene_names(TEST_VERSION, "test") else self.version

    @cached_property
    def _known_classes(self) -> LabelMap | None:
        """The label map; None where it can't be read, so that the check tells it once and not of every scan."""
        try:
            return self.label_map
        except HarnessError:
            return None

    @cached_property
    def _labelled_index(self) -> Index:
        return open_index(self.root / self.version)

    @cached_property
    def _test_index(self) -> Index:
        return open_index(self.root / TEST_VERSION)

    def _to_train(self, raw: NDArray[np.uint8], where: Path) -> NDArray[np.int64]:
        return self.label_map.to_train(raw.astype(np.uint32), where)
