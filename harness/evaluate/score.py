"""The score of predictions as they come from a network, counted scan by scan on its device."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import torch
from torch import Tensor

from backbones.points import PointBatch
from harness.data.dataset import Dataset
from harness.evaluate.confusion import EvaluationCounts
from harness.evaluate.distance import band_of_tensor
from harness.evaluate.summary import summarise
from harness.spec import ScoreResult


def score_predictions(
    predictions: Iterable[tuple[PointBatch, Tensor]],
    task: type[Dataset],
    scan_ids: Sequence[str],
    device: torch.device,
    on_scan: Callable[[int], None] = lambda done: None,
    add_up: Callable[[Tensor], Tensor] = lambda counts: counts,
) -> ScoreResult:
    """Score predictions by the official rule of a task.

    Args:
        predictions: batches of one scan as it is in its file, with labels, and the class of each point, [N] in 1..C;
            on `device`.
        task: the kind of data set that the scans are of.
        scan_ids: all scans of the evaluation in their order, those that other processes predict included.
        device: where the counts are kept.
        on_scan: called after every scan with the number of those counted; what it raises ends the evaluation.
        add_up: returns the sum of a tensor over all processes.

    Raises:
        ValueError: a scan has no labels, or no point has one of a scored class.
    """
    class_names = task.class_names[1:]
    running = EvaluationCounts(scan_ids, len(class_names), device)
    for done, (points, predicted) in enumerate(predictions, 1):
        [scan_id] = points.scan_ids
        if points.labels is None:
            raise ValueError(f"{scan_id} has no labels to score")
        running.add(scan_id, predicted, points.labels, band_of_tensor(points.xyz))
        on_scan(done)
    counts = add_up(running.counts).cpu().numpy()
    return summarise(task.scoring_rule, class_names, scan_ids, counts.sum(axis=1), counts.sum(axis=0))
