"""Predict a split with a finished cell and write the leaderboard archive, then check it as a stranger's."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import torch
from numpy.typing import NDArray

from backbones.points import PointBatch
from harness.data.semantickitti import SemanticKitti
from harness.data.splits import Split
from harness.evaluate.evaluate import predict
from harness.export.check import Finding, check_submission
from harness.export.labels import expected_points
from harness.export.semantickitti import Description, Submission, write_submission
from harness.matrix.cell import load_cell_network
from harness.matrix.data import read_batches
from harness.store import CellFolder
from harness.train.learner import network_voxelizer

Progress = Callable[[int, int], None]


def submit_cell(
    folder: CellFolder,
    dataset: SemanticKitti,
    split: Split,
    out: Path,
    device: torch.device,
    description: Description,
    progress: Progress = lambda done, total: None,
) -> tuple[Submission, list[Finding]]:
    """Write the archive of a cell's predictions and check it again from disk.

    Args:
        folder: a finished cell.
        dataset: the copy whose scans are predicted.
        split: ``test`` for the leaderboard.
        out: the archive.
        device: to predict on.
        description: for the leaderboard.
        progress: called with (scans predicted, scans in all).

    Returns:
        The archive and what the check found; an upload needs it empty of errors.

    Raises:
        HarnessError: the cell is not finished, a scan is damaged, or the archive can't be written.
    """
    scan_ids = dataset.scan_ids(split)
    expected = expected_points(dataset, split)
    predictions = predict_scans(folder, read_batches(dataset, scan_ids), device)
    submission = write_submission(
        _counted(predictions, len(scan_ids), progress), out, expected, dataset.label_map, description
    )
    rehearsal = dataset.synthetic or split != "test"
    return submission, check_submission(out, expected, dataset.label_map, rehearsal)


def predict_scans(
    folder: CellFolder, scans: Iterable[PointBatch], device: torch.device
) -> Iterator[tuple[str, NDArray[Any]]]:
    """Yield the id of each scan and a finished cell's train ids for its points, [N] int64 in 1..C.

    Raises:
        HarnessError: the cell is not finished.
    """
    backbone = folder.spec().backbone
    network, _ = load_cell_network(folder)
    voxelize = network_voxelizer(backbone)
    for points, labels in predict(network.to(device), voxelize, scans, device):
        yield points.scan_ids[0], labels.cpu().numpy()


def _counted(
    predictions: Iterator[tuple[str, NDArray[Any]]], total: int, progress: Progress
) -> Iterator[tuple[str, NDArray[Any]]]:
    for done, prediction in enumerate(predictions, 1):
        yield prediction
        progress(done, total)
