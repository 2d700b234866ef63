"""What a folder of predictions and the truth it is compared with hash to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.data.dataset import Dataset
from harness.data.manifest import digest_files, manifest_hash
from harness.data.splits import Split
from harness.evaluate.folders import prediction_files


@dataclass(frozen=True)
class FolderHashes:
    """SHA-256 of manifests, one line a file.

    Attributes:
        predictions: of the scored files.
        truth: of their ground truth.
    """

    predictions: str
    truth: str


def folder_hashes(dataset: Dataset, split: Split, predictions: Path) -> FolderHashes:
    """Read all label files of a split again for their hashes, which takes longer than to score them.

    Args:
        dataset: that the folder was scored against.
        split: of it.
        predictions: the folder.

    Raises:
        HarnessError: predictions are missing, or a file can't be read.
    """
    scan_ids = dataset.scan_ids(split)
    files = prediction_files(predictions, dataset, split, scan_ids)
    truths = [dataset.labels_path(scan_id) for scan_id in scan_ids]
    return FolderHashes(_hash(predictions, files), _hash(dataset.root, truths))


def _hash(root: Path, files: Sequence[Path]) -> str:
    names = [file.relative_to(root).as_posix() for file in files]
    return manifest_hash(digest_files(root, names, None))
