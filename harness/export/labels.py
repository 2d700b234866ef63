"""Predictions as label files: how they are written, and how many labels each scan needs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.data.kitti_files import count_points
from harness.data.labels import LabelMap
from harness.data.predictions import prediction_name
from harness.data.semantickitti import SemanticKitti
from harness.data.splits import Split
from harness.errors import HarnessError
from harness.files import replacing


def encode_labels(train: NDArray[Any], label_map: LabelMap, where: object) -> bytes:
    """Return the bytes of a label file: one little-endian uint32 raw id per point, no instance.

    Args:
        train: [N] integers, predicted ids in 1..C.
        label_map: the task's classes.
        where: what is written, for the message.

    Raises:
        HarnessError: an id is 0 or beyond C, or the ids are not a list of integers.
    """
    if train.ndim != 1 or not np.issubdtype(train.dtype, np.integer):
        found = f"an array of {train.dtype} with shape {train.shape}"
        raise HarnessError(where, found, "one integer id per point", "Pass the index of the best class, not its score.")
    return label_map.to_raw(train, where).astype("<u4").tobytes()


def write_labels(folder: Path, scan_id: str, train: NDArray[Any], label_map: LabelMap) -> Path:
    """Write a scan's prediction to `folder/sequences/NN/predictions/NNNNNN.label` and return that path.

    Raises:
        HarnessError: see `encode_labels`; or the folder can't be written.
    """
    path = folder / prediction_name(scan_id)
    data = encode_labels(train, label_map, path)
    with replacing(path) as file:
        file.write(data)
    return path


def expected_points(dataset: SemanticKitti, split: Split) -> dict[str, int]:
    """Return the number of points of every scan that a copy holds of a split, from the sizes of its files.

    Raises:
        HarnessError: a scan is missing or no whole number of points.
    """
    return {scan_id: count_points(dataset.points_path(scan_id)) for scan_id in dataset.scan_ids(split)}
