"""The label files of scans: predictions beside their ground truth, and the points where the distance counts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from harness.data.input_file import AGAIN, count_items, input_size, read_bytes, unreadable
from harness.data.point_files import MOST_POINTS
from harness.errors import HarnessError
from harness.evaluate.distance import NO_BAND, band_of
from harness.evaluate.pair_counter import LabelCoding, PairCounter

BANDS = NO_BAND + 1
"""Bands that are counted: the official ones, and one for the points in none of them."""


class ScanFiles(NamedTuple):
    """The files of a scan; `points` is None where the distance does not count."""

    prediction: Path
    truth: Path
    points: Path | None


@dataclass(frozen=True)
class FileFormat:
    """The files of a data set.

    Attributes:
        coding: of the labels.
        read_points: reads a scan, [N, 3 or more] float32 with x, y, z first.
        task: name of the classes, for messages.
        predictions: what may be predicted, for messages.
    """

    coding: LabelCoding
    read_points: Callable[[Path], NDArray[np.float32]]
    task: str
    predictions: str


def count_scans(file_format: FileFormat, scans: Sequence[ScanFiles]) -> NDArray[np.int64]:
    """Count the classes of scans.

    Returns:
        [1, C + 1, C + 1], rows predicted, columns ground truth, id 0 first; [`BANDS`, C + 1, C + 1] by distance, where
        the scans have points.

    Raises:
        HarnessError: a file can't be read, the files of a scan differ in length, or have an id that is not of the map.
    """
    counter = PairCounter(file_format.coding, layers=1 if scans[0].points is None else BANDS)
    counts: NDArray[Any] = np.sum([_count_scan(counter, file_format, scan) for scan in scans], axis=0)
    return counter.by_class(counts)


def _count_scan(counter: PairCounter, file_format: FileFormat, scan: ScanFiles) -> NDArray[np.int64]:
    coding, band = file_format.coding, None
    if scan.points is None:
        points = count_items(scan.truth, coding.item_bytes, "labels", MOST_POINTS)
    else:
        band = band_of(file_format.read_points(scan.points))
        points = len(band)
        _require_size(scan.truth, points, coding, AGAIN)
    _require_size(scan.prediction, points, coding, _ONE_EACH)
    with _open(scan.prediction, _ONE_EACH) as predicted, _open(scan.truth, AGAIN) as true:
        try:
            counts = counter.count(predicted, true, points, band)
        except EOFError:
            raise HarnessError(
                f"{scan.prediction} or {scan.truth}", "fewer labels than before", f"{points}", "Leave them alone."
            ) from None
        except OSError as error:
            raise unreadable(scan.prediction, error, _REPREDICT) from error
    if counts is None:
        _refuse_unknown(scan.prediction, coding, coding.predicted.keys(), file_format.predictions, _REPREDICT)
        known = f"only ids of {file_format.task}: {', '.join(map(str, sorted(coding.true)))}"
        _refuse_unknown(scan.truth, coding, coding.true.keys(), known, AGAIN)
        raise HarnessError(scan.prediction, "labels that changed", "files at rest", "Score them once they are written.")
    return counts


_ONE_EACH = "Write one label for every point of the scan, in its order."
_REPREDICT = "Write the id of a scored class for every point; the file may be damaged or of another data set."


def _require_size(path: Path, points: int, coding: LabelCoding, remedy: str) -> None:
    size, expected = input_size(path, remedy), points * coding.item_bytes
    if size != expected:
        found = f"{size} bytes, {size / coding.item_bytes:g} labels"
        raise HarnessError(path, found, f"{expected} bytes, one label for each of the scan's {points} points", remedy)


def _refuse_unknown(path: Path, coding: LabelCoding, known: Any, expected: str, remedy: str) -> None:
    """Read a file again and name the ids that it must not have, each with its points."""
    labels = read_bytes(path, input_size(path, remedy), remedy).view(coding.item)
    ids, counts = np.unique(labels.astype(np.uint16), return_counts=True)  # sixteen bits: without instances
    found = zip(ids.tolist(), counts.tolist(), strict=True)
    strange = [f"{i} ({n} {'point' if n == 1 else 'points'})" for i, n in found if i not in known]
    if strange:
        more = f" and {len(strange) - 10} more" if len(strange) > 10 else ""
        raise HarnessError(path, f"raw ids {', '.join(strange[:10])}{more}", expected, remedy)


def _open(path: Path, remedy: str) -> FileIO:
    try:
        return path.open("rb", buffering=0)
    except OSError as error:
        raise unreadable(path, error, remedy) from error
