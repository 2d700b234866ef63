"""Score a folder of `.label` files, as a leaderboard would, against a copy of SemanticKITTI."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import groupby
from pathlib import Path
from queue import SimpleQueue

import numpy as np
from numpy.typing import NDArray

from harness.data.predictions import prediction_name
from harness.data.semantickitti import SemanticKitti
from harness.data.splits import Split
from harness.errors import HarnessError
from harness.evaluate.label_files import LabelFileCounter
from harness.evaluate.scoring import Scores, semantickitti_scores

Progress = Callable[[int, int], None]
"""Called with (scans done, scans in all)."""
Pair = tuple[Path, Path]
"""Prediction and ground truth of a scan."""

MOST_SCANS_AT_ONCE = 16


def evaluate_predictions(
    predictions: Path,
    dataset: SemanticKitti,
    split: Split,
    progress: Progress = lambda done, total: None,
    workers: int = 2,
) -> Scores:
    """Score `predictions/sequences/NN/predictions/NNNNNN.label` by SemanticKITTI's official rule.

    The files hold one uint32 raw id per point; instance bits are dropped, as the official script does. Raw ids that the
    official map ignores count as "no class predicted". Only labels are read, one scan per worker at a time.

    Args:
        predictions: folder with a `sequences` folder in it.
        dataset: a copy with the ground truth of the split.
        split: the split to score; every scan the copy holds of it needs a prediction.
        progress: called after every few scans.
        workers: threads that read and count.

    Raises:
        HarnessError: a prediction is missing, has another number of points than its scan or an unknown raw id, or a
            file lies in the folder that belongs to no scan of the copy.
    """
    scan_ids = dataset.scan_ids(split)
    truths = [dataset.labels_path(scan_id) for scan_id in scan_ids]
    files = [predictions / prediction_name(scan_id) for scan_id in scan_ids]
    _check_files(predictions, files)
    ids = dataset.label_map.classes + 1
    total, done = np.zeros((ids, ids), dtype=np.int64), 0
    idle: SimpleQueue[LabelFileCounter] = SimpleQueue()
    for _ in range(workers):
        idle.put(LabelFileCounter(dataset.label_map))
    with ThreadPoolExecutor(workers) as pool:
        for counts, scans in pool.map(partial(_count, idle), _chunks(list(zip(files, truths, strict=True)), workers)):
            total += counts
            done += scans
            progress(done, len(files))
    return semantickitti_scores(total)


def _chunks(pairs: list[Pair], workers: int) -> list[list[Pair]]:
    """Cut the scans into pieces that outweigh the handing over to a thread and still share out evenly."""
    size = max(1, min(MOST_SCANS_AT_ONCE, len(pairs) // (4 * workers)))
    return [pairs[start : start + size] for start in range(0, len(pairs), size)]


def _count(idle: SimpleQueue[LabelFileCounter], pairs: list[Pair]) -> tuple[NDArray[np.int64], int]:
    """Count scans with whichever counter is free; return the counts and the number of scans."""
    counter = idle.get()
    try:
        counts: NDArray[np.int64] = np.sum([counter.count(*pair) for pair in pairs], axis=0)
        return counts, len(pairs)
    finally:
        idle.put(counter)


def _check_files(root: Path, files: list[Path]) -> None:
    """Refuse missing and stray prediction files before anything is counted."""
    expected = "one .label file for every scan that the data set holds of the split, and nothing else"
    if missing := [path for path in files if not path.is_file()]:
        raise HarnessError(
            missing[0],
            f"no such file ({len(missing)} of {len(files)} predictions are missing)",
            expected,
            "Predict the whole split, or name the folder that holds `sequences/NN/predictions/`.",
        )
    stray: list[Path] = []
    for folder, group in groupby(files, key=lambda path: path.parent):
        stray += sorted(set(folder.iterdir()) - set(group))
    if stray:
        found = f"{len(stray)} files that belong to no scan of the data set, first {stray[0].relative_to(root)}"
        raise HarnessError(root, found, expected, "Remove them, or score against the copy they were predicted on.")
