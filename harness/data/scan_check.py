"""What the check of a copy finds: in one scan, and beside the scans."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from harness.data.fault import Fault
from harness.data.input_file import read_bytes
from harness.data.labels import LabelMap
from harness.errors import HarnessError

COLUMNS = ("x_m", "y_m", "z_m", "intensity")
NAMED = 3
"""Of many files without a use, this many are named."""
_BLOCK = 256


@dataclass(frozen=True)
class ScanCheck:
    """What is in the files of one scan, each of them read once.

    Attributes:
        points: N; 0 where they can't be read.
        bounds: least and largest value of each of `COLUMNS`, as they are in the file; None where points can't be read.
        class_points: points by train id, [C + 1]; empty for a scan without labels.
        instances: the objects that its points belong to, as whole label words; empty where labels name none.
        digests: SHA-256 by path below the root, of every file that could be read.
        faults: all that is wrong, so that a damaged label file is told beside damaged points.
    """

    points: int
    bounds: tuple[tuple[float, ...], tuple[float, ...]] | None
    class_points: tuple[int, ...]
    instances: frozenset[int]
    digests: dict[str, str]
    faults: tuple[Fault, ...]


class LabelCounts(NamedTuple):
    """Points by train id, [C + 1], and the objects they belong to, as whole label words."""

    class_points: tuple[int, ...]
    instances: frozenset[int]


@dataclass(frozen=True)
class Findings:
    """Faults, which forbid the use of a copy, and notes, which do not."""

    faults: tuple[Fault, ...] = ()
    notes: tuple[Fault, ...] = ()

    @classmethod
    def joined(cls, parts: Iterable[Findings]) -> Findings:
        """All of several findings, in their order; what several looks found alike, for they have one cause, once."""
        listed = list(parts)
        return cls(
            tuple(dict.fromkeys(fault for part in listed for fault in part.faults)),
            tuple(dict.fromkeys(note for part in listed for note in part.notes)),
        )


def told(look: Callable[[], Findings]) -> Findings:
    """Look at something; an error that ends the look is its one fault."""
    try:
        return look()
    except HarnessError as error:
        return Findings((Fault.of(error),))


class HashedFiles:
    """Reads files of a copy and keeps the SHA-256 of each, so that none is read a second time for it.

    Args:
        root: of the copy.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.digests: dict[str, str] = {}

    def read(self, path: Path, size: int) -> NDArray[np.uint8]:
        """Read a file whose size is known, as `harness.data.input_file.read_bytes`."""
        data = read_bytes(path, size)
        self.digests[path.relative_to(self.root).as_posix()] = hashlib.sha256(data.data).hexdigest()
        return data


def check_files(
    root: Path,
    read_points: Callable[[HashedFiles], NDArray[np.float32]],
    read_labels: Callable[[HashedFiles, int], LabelCounts] | None,
) -> ScanCheck:
    """Read the files of a scan and list what is wrong with each.

    Args:
        root: of the copy.
        read_points: returns the points, [N, columns].
        read_labels: is told N, or 0 where the points can't be read, and counts the labels; None where there are none.
    """
    files, faults = HashedFiles(root), list[Fault]()
    points, bounds, labels = 0, None, LabelCounts((), frozenset())
    try:
        rows = read_points(files)
        points, bounds = len(rows), column_bounds(rows)
    except HarnessError as error:
        faults.append(Fault.of(error))
    if read_labels is not None:
        try:
            labels = read_labels(files, points)
        except HarnessError as error:
            faults.append(Fault.of(error))
    return ScanCheck(points, bounds, labels.class_points, labels.instances, files.digests, tuple(faults))


def column_bounds(rows: NDArray[np.float32]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Least and largest value of each column of an array [N, C] without gaps, N ≥ 1.

    NumPy compares short rows one by one; 256 rows taken for one long row are compared in vectors, 15 times as fast.
    """
    columns = rows.shape[1]
    whole = len(rows) // _BLOCK * _BLOCK
    wide, rest = rows[:whole].reshape(-1, _BLOCK * columns), rows[whole:]
    low = high = rest
    if whole:
        low = np.concatenate([rest, wide.min(axis=0).reshape(-1, columns)])
        high = np.concatenate([rest, wide.max(axis=0).reshape(-1, columns)])
    return tuple(low.min(axis=0).tolist()), tuple(high.max(axis=0).tolist())


def count_values(values: NDArray[np.uint32]) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
    """Distinct values of [N], N ≥ 1, ascending, and how often each occurs.

    Neighbouring points mostly have equal labels, so that runs of them are counted, and only the runs are sorted.
    """
    starts = np.concatenate([[0], np.flatnonzero(values[1:] != values[:-1]) + 1])
    lengths = np.diff(starts, append=len(values))
    distinct, run_of = np.unique(values[starts], return_inverse=True)
    return distinct, np.bincount(run_of, weights=lengths).astype(np.int64)


def count_classes(
    raw: NDArray[np.uint32], counts: NDArray[np.int64], label_map: LabelMap, path: Path
) -> tuple[int, ...]:
    """Points by train id, [C + 1].

    Args:
        raw: [U] distinct label words.
        counts: [U] points of each.
        label_map: the classes.
        path: of the label file, for the message.

    Raises:
        HarnessError: as `LabelMap.to_train`, with the number of points of each unknown id.
    """
    strange = ~np.isin(raw & 0xFFFF, list(label_map.raw_to_train))
    label_map.to_train(np.repeat(raw[strange], counts[strange]), path)
    totals = np.bincount(label_map.to_train(raw, path), weights=counts, minlength=label_map.classes + 1)
    return tuple(totals.astype(np.int64).tolist())


def unused(folder: Path, names: Sequence[str], what: str, expected: str) -> tuple[Fault, ...]:
    """One note for all that a folder holds in vain; none where there is nothing."""
    if not names:
        return ()
    found = f"{len(names)} {what} ({', '.join(names[:NAMED])}{', …' if len(names) > NAMED else ''})"
    return (Fault.of(HarnessError(folder, found, expected, "Nothing reads them: they may stay.")),)
