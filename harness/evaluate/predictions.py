"""Score a folder of predictions, as a leaderboard would, against a copy of the data set with its ground truth."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from harness.data.dataset import Dataset
from harness.data.splits import Split
from harness.errors import HarnessError
from harness.evaluate.folders import prediction_files
from harness.evaluate.forked import map_forked
from harness.evaluate.label_files import BANDS, FileFormat, ScanFiles, count_scans
from harness.evaluate.pair_counter import LabelCoding
from harness.evaluate.stretches import stretch_starts
from harness.evaluate.summary import summarise
from harness.spec import ScoreResult

Progress = Callable[[int, int], None]
"""Called with (scans done, scans in all)."""

MOST_SCANS_AT_ONCE = 25


class _Piece(NamedTuple):
    """Scans of one stretch that are counted together; `stretch` is its number."""

    stretch: int
    scans: list[ScanFiles]


def evaluate_predictions(
    predictions: Path,
    dataset: Dataset,
    split: Split,
    progress: Progress = lambda done, total: None,
    workers: int = 2,
    by_distance: bool = False,
) -> ScoreResult:
    """Score the predictions of a split by the official rule of its data set, to the digits of the official script.

    Files of SemanticKITTI hold one uint32 raw id per point; instance bits are dropped, as the official script does, and
    raw ids that the official map ignores count as "no class predicted". Those of nuScenes hold one byte per point, a
    class from 1 to 16. Where they lie, `harness.evaluate.folders.prediction_files` says.

    Args:
        predictions: the folder.
        dataset: a copy with the ground truth of the split.
        split: the split to score; every scan the copy holds of it needs a prediction.
        progress: called after every few scans.
        workers: processes that read and count; 1 is this one alone. The score does not depend on their number.
        by_distance: score the official bands of distance, too; the points are read for it.

    Raises:
        HarnessError: a prediction is missing, has another number of points than its scan or an id that can't be
            predicted, or a file lies in the folder that belongs to no scan of the copy.
    """
    scan_ids = dataset.scan_ids(split)
    files = prediction_files(predictions, dataset, split, scan_ids)
    scans = [
        ScanFiles(file, dataset.labels_path(scan_id), dataset.points_path(scan_id) if by_distance else None)
        for file, scan_id in zip(files, scan_ids, strict=True)
    ]
    starts = stretch_starts(scan_ids)
    pieces = list(_pieces(scans, starts))
    ids = dataset.label_map.classes + 1
    by_stretch, done = np.zeros((len(starts), ids, ids), dtype=np.int64), 0
    by_band = np.zeros((BANDS if by_distance else 1, ids, ids), dtype=np.int64)
    count = partial(_count, file_format(dataset))
    for piece, counts in zip(pieces, map_forked(count, pieces, workers), strict=True):
        by_stretch[piece.stretch] += counts.sum(axis=0)
        by_band += counts
        done += len(piece.scans)
        progress(done, len(scans))
    try:
        bands = by_band if by_distance else None
        return summarise(dataset.scoring_rule, dataset.class_names[1:], scan_ids, by_stretch, bands)
    except ValueError as error:
        remedy = "Score a split or a copy with labelled points."
        raise HarnessError(f"{dataset.root}, {split} split", str(error), "labelled points", remedy) from error


def file_format(dataset: Dataset) -> FileFormat:
    """Return what the label files of a data set look like."""
    label_map = dataset.label_map
    if dataset.root_name == "nuscenes":
        from harness.data.nuscenes.scan_files import read_points

        classes = {train: train for train in range(1, label_map.classes + 1)}
        coding = LabelCoding("u1", classes, label_map.raw_to_train, label_map.classes)
        expected = f"a class from 1 to {label_map.classes}; 0 is the ignored one, which the devkit refuses"
        return FileFormat(coding, read_points, label_map.name, expected)
    from harness.data import kitti_files

    coding = LabelCoding("<u4", label_map.raw_to_train, label_map.raw_to_train, label_map.classes)
    expected = f"only ids of {label_map.name}: {', '.join(map(str, sorted(label_map.raw_to_train)))}"
    return FileFormat(coding, kitti_files.read_points, label_map.name, expected)


def _pieces(scans: Sequence[ScanFiles], starts: Sequence[int]) -> Iterator[_Piece]:
    """Cut every stretch into pieces that outweigh the handing over to a process and still share out evenly."""
    for stretch, (start, end) in enumerate(pairwise([*starts, len(scans)])):
        for first in range(start, end, MOST_SCANS_AT_ONCE):
            yield _Piece(stretch, list(scans[first : min(first + MOST_SCANS_AT_ONCE, end)]))


def _count(file_format: FileFormat, piece: _Piece) -> NDArray[np.int64]:
    return count_scans(file_format, piece.scans)
