"""The scans of a measurement, small enough to be sent to the processes that read them."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from pydantic import Field

from backbones.points import PointBatch
from harness.data.collate import collate
from harness.data.completeness import DECLARATION
from harness.data.kitti_files import read_points
from harness.data.open import open_dataset
from harness.data.scan import Scan
from harness.spec import DatasetName, Strict


class ScanSource(Strict):
    """Scans of a data set, or files in SemanticKITTI's format, in the order of the scan list."""

    dataset: DatasetName
    synthetic: bool = False
    root: Path | None = Field(default=None, description="of the data set's copy; None: the scans are files")
    partial: bool = False
    settings: dict[str, Any] = Field(default_factory=dict, description="of the data set, complete")
    scans: tuple[str, ...] = Field(min_length=1, description="their ids, or the paths of files")

    @classmethod
    def of_files(cls, files: Sequence[Path]) -> ScanSource:
        """Return scans of SemanticKITTI's format, or such as were made by `harness data synthesize`."""
        made = any(_place(path) and (path.absolute().parents[3] / DECLARATION).exists() for path in files)
        return cls(dataset="semantickitti", synthetic=made, scans=tuple(str(path.absolute()) for path in files))

    @property
    def scan_ids(self) -> tuple[str, ...]:
        """Names for a record: those of files say sequence and frame where the path does, and never a folder above."""
        if self.root is not None:
            return self.scans
        seen, names = Counter[str](), []
        for name in map(_file_name, map(Path, self.scans)):
            seen[name] += 1
            names.append(name if seen[name] == 1 else f"{name}#{seen[name]}")
        return tuple(names)

    def read(self) -> Iterator[PointBatch]:
        """Read scan by scan as batches of one, without labels: nobody who predicts has them.

        Raises:
            HarnessError: the copy can't be opened, or a file of it is missing or damaged.
        """
        if self.root is None:
            for path, name in zip(self.scans, self.scan_ids, strict=True):
                yield _read_file(Path(path), name)
            return
        dataset = open_dataset(self.dataset, self.root, self.partial, settings=self.settings)
        for scan_id in self.scans:
            yield replace(collate([dataset.read(scan_id)]), labels=None)


def points_sha256(batches: Iterable[PointBatch]) -> str:
    """Return the SHA-256 of all points in order, each as the four little-endian float32 x, y, z, intensity."""
    digest = hashlib.sha256()
    for points in batches:
        digest.update(torch.cat([points.xyz, points.intensity[:, None]], 1).numpy().astype("<f4").tobytes())
    return digest.hexdigest()


def _read_file(path: Path, name: str) -> PointBatch:
    points = read_points(path)
    return collate([Scan(name, points[:, :3], points[:, 3], labels=None, instances=None)])


def _file_name(path: Path) -> str:
    """``08/000004`` of ``sequences/08/velodyne/000004.bin``, else the file's own name."""
    sequence = _place(path)
    return f"{sequence}/{path.stem}" if sequence else path.stem


def _place(path: Path) -> str | None:
    """Return the sequence of a file that lies where SemanticKITTI has its scans."""
    parts = path.absolute().parts
    return parts[-3] if len(parts) > 4 and parts[-2] == "velodyne" and parts[-4] == "sequences" else None
