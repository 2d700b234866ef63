"""Predict a split with a finished cell and write the leaderboard archive, then check it as a stranger's."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from backbones.build import build_voxelizer
from harness.data.collate import collate
from harness.data.scan import Scan
from harness.data.semantickitti import SemanticKitti
from harness.data.splits import Split
from harness.errors import HarnessError
from harness.evaluate.evaluate import predict
from harness.export.check import Fault, check_submission
from harness.export.labels import expected_points
from harness.export.semantickitti import Description, Submission, write_submission
from harness.matrix.cell import load_cell_network
from harness.matrix.data import read_batches
from harness.store import CellFolder

Progress = Callable[[int, int], None]


def submit_cell(
    folder: CellFolder,
    dataset: SemanticKitti,
    split: Split,
    out: Path,
    device: torch.device,
    description: Description,
    progress: Progress = lambda done, total: None,
) -> tuple[Submission, list[Fault]]:
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
    result = folder.result()
    if result is None or result.status != "finished":
        remedy = "Run its matrix to the end first."
        raise HarnessError(f"cell {folder.cell}", f"status {folder.status()}", "a finished cell", remedy)
    scan_ids = dataset.scan_ids(split)
    expected = expected_points(dataset, split)
    predictions = _predictions(folder, dataset, scan_ids, device, progress)
    submission = write_submission(predictions, out, expected, dataset.label_map, description)
    partial = dataset.synthetic or split != "test" or bool(dataset.completeness(split).missing)
    return submission, check_submission(out, expected, dataset.label_map, partial)


def predict_scan(folder: CellFolder, scan: Scan, device: torch.device) -> NDArray[np.int64]:
    """Return a finished cell's train ids for the points of one scan, [N] int64 in 1..C."""
    backbone = folder.spec().backbone
    network, _ = load_cell_network(folder)
    voxelize = build_voxelizer(backbone.name, backbone.voxel_size_m)
    [(_, labels)] = predict(network.to(device), voxelize, [collate([scan])], device)
    predicted: NDArray[np.int64] = labels.cpu().numpy()
    return predicted


def _predictions(
    folder: CellFolder, dataset: SemanticKitti, scan_ids: list[str], device: torch.device, progress: Progress
) -> Iterator[tuple[str, NDArray[Any]]]:
    backbone = folder.spec().backbone
    network, _ = load_cell_network(folder)
    voxelize = build_voxelizer(backbone.name, backbone.voxel_size_m)
    scans = read_batches(dataset, scan_ids)
    for done, (points, labels) in enumerate(predict(network.to(device), voxelize, scans, device), 1):
        yield points.scan_ids[0], labels.cpu().numpy()
        progress(done, len(scan_ids))
