"""The check of a keyframe's files, and of label files that no keyframe has."""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from harness.data.fault import Fault
from harness.data.input_file import unreadable
from harness.data.labels import LabelMap
from harness.data.nuscenes.scan_files import POINT_BYTES, count_labels, count_points, require_labels, to_points
from harness.data.scan_check import (
    COLUMNS,
    Findings,
    HashedFiles,
    LabelCounts,
    ScanCheck,
    check_files,
    count_classes,
    count_values,
    unused,
)

PathOf = Callable[[], Path]
"""Finds a file, or raises what is wrong with its name."""


def check_keyframe(root: Path, points: PathOf, labels: PathOf | None, label_map: LabelMap | None) -> ScanCheck:
    """Read the files of a keyframe once each: hash their bytes, and view the same bytes as points and labels.

    Args:
        root: of the copy; paths in the result are below it.
        points: finds the file of the points.
        labels: finds the file of the labels; None where the split has none.
        label_map: the classes to count; None where the copy's can't be read: then labels only have their number.
    """
    read_labels = None if labels is None else partial(_read_labels, labels, label_map)
    return check_files(root, partial(_read_points, points), read_labels)


def _read_points(points: PathOf, files: HashedFiles) -> NDArray[np.float32]:
    path = points()
    rows = to_points(files.read(path, count_points(path) * POINT_BYTES), path)
    return np.ascontiguousarray(rows[:, : len(COLUMNS)])


def _read_labels(labels: PathOf, label_map: LabelMap | None, files: HashedFiles, points: int) -> LabelCounts:
    path = labels()
    if points:
        require_labels(path, points)
    data = files.read(path, count_labels(path))
    if label_map is None:
        return LabelCounts((), frozenset())
    raw, counts = count_values(data.astype(np.uint32))
    return LabelCounts(count_classes(raw, counts, label_map, path), frozenset())


def check_label_files(folder: Path, known: Collection[str]) -> Findings:
    """Note label files that the table does not name. The devkit, but not this reader, refuses a copy that has any.

    Args:
        folder: of a version's label files.
        known: names that the table has.
    """
    try:
        names = sorted({path.name for path in folder.iterdir()}.difference(known))
    except FileNotFoundError:
        return Findings()
    except OSError as error:
        return Findings(faults=(Fault.of(unreadable(folder, error)),))
    return Findings(notes=unused(folder, names, "files that lidarseg.json does not name", "none"))
