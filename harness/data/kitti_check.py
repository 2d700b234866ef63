"""The check of SemanticKITTI's files: a scan's points and labels, a sequence's poses, and what no reader asks for."""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.data.completeness import SequenceListing
from harness.data.fault import Fault
from harness.data.input_file import AGAIN, unreadable
from harness.data.kitti_files import (
    POINT_BYTES,
    WORD_BYTES,
    count_points,
    count_words,
    require_words,
    to_points,
    to_words,
)
from harness.data.labels import LabelMap
from harness.data.poses import PosesUnavailable, read_poses, read_tr, require_drive
from harness.data.scan_check import (
    Findings,
    HashedFiles,
    LabelCounts,
    ScanCheck,
    check_files,
    count_classes,
    count_values,
    unused,
)
from harness.errors import HarnessError


def check_kitti_scan(root: Path, points: Path, labels: Path | None, label_map: LabelMap) -> ScanCheck:
    """Read the files of a scan once each: hash their bytes, and view the same bytes as points and labels.

    Args:
        root: of the copy.
        points: file of the scan.
        labels: file of its labels; None where its split has none.
        label_map: the classes to count.
    """

    def read_points(files: HashedFiles) -> NDArray[np.float32]:
        return to_points(files.read(points, count_points(points) * POINT_BYTES), points)

    def read_labels(path: Path, files: HashedFiles, number: int) -> LabelCounts:
        if number:
            require_words(path, number, AGAIN)
        words, counts = count_values(to_words(files.read(path, count_words(path) * WORD_BYTES), path))
        return LabelCounts(count_classes(words, counts, label_map, path), frozenset(words[words > 0xFFFF].tolist()))

    return check_files(root, read_points, None if labels is None else partial(read_labels, labels))


def check_kitti_poses(folder: Path, listing: SequenceListing) -> Findings:
    """Check poses.txt and calib.txt of a sequence that has scans.

    Returns:
        Faults (a malformed file, too few poses, poses that are no drive) and notes (a file or the ``Tr:`` line is
        missing).
    """
    faults: list[Fault] = []
    notes: list[Fault] = []
    looks: tuple[Callable[[], Any], ...] = (
        lambda: _check_drive(folder / "poses.txt", int(listing.found[-1]) + 1),
        lambda: read_tr(folder / "calib.txt"),
    )
    for look in looks if listing.found else ():
        try:
            look()
        except PosesUnavailable as error:
            notes.append(Fault.of(error))
        except HarnessError as error:
            faults.append(Fault.of(error))
    return Findings(tuple(faults), tuple(notes))


def _check_drive(path: Path, needed: int) -> None:
    poses = read_poses(path)
    require_drive(poses, path)
    if len(poses) < needed:
        raise HarnessError(path, f"{len(poses)} poses", f"at least {needed}, one a frame", AGAIN)


def check_kitti_labels(folder: Path, listing: SequenceListing, labelled: bool) -> Findings:
    """Note label files that nothing reads: without a scan, of another name, or of a split whose labels are not public.

    They are no fault: labels are small and come in one archive, so that partial copies often have all of them.
    """
    labels = folder / "labels"
    try:
        names = sorted(path.name for path in labels.iterdir() if path.suffix == ".label")
    except FileNotFoundError:
        return Findings()
    except OSError as error:
        return Findings(faults=(Fault.of(unreadable(labels, error)),))
    if not labelled:
        return Findings(notes=unused(labels, names, "label files", "none: the test split's labels are not public"))
    scans = {f"{frame}.label" for frame in listing.found}
    return Findings(notes=unused(labels, [n for n in names if n not in scans], "label files without a scan", "none"))


def check_kitti_sequences(root: Path, known: Collection[str]) -> Findings:
    """Note folders beside the sequences that belong to no split."""
    sequences = root / "sequences"
    try:
        names = sorted(path.name for path in sequences.iterdir())
    except OSError as error:
        return Findings(faults=(Fault.of(unreadable(sequences, error)),))
    return Findings(notes=unused(sequences, [n for n in names if n not in known], "entries of no split", "sequences"))
