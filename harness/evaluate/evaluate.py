"""Run a trained network over scans: labels per point, in order, one scan in memory at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import torch
from torch import Tensor

from backbones.backbone import Backbone, Voxelizer
from backbones.points import PointBatch


def predict(
    network: Backbone, voxelize: Voxelizer, scans: Iterable[PointBatch], device: torch.device
) -> Iterator[tuple[PointBatch, Tensor]]:
    """Yield the points of each scan that are asked for with their predicted class ids, [N] int64 in 1..C on `device`.

    The network is put in eval mode and reads all points; every one that is asked for gets a prediction, and none can be
    the ignored id 0.
    """
    network.eval()
    return label_points(lambda points: network.predict(voxelize(points)), scans, device)


def label_points(
    scores: Callable[[PointBatch], Tensor], scans: Iterable[PointBatch], device: torch.device
) -> Iterator[tuple[PointBatch, Tensor]]:
    """Yield the points of each scan that are asked for with the class of their largest score, as `predict` does.

    Args:
        scores: of all N points of a scan on `device`, [N, C]; called without gradients.
        scans: to label.
        device: where the points are put.
    """
    for points in scans:
        with torch.inference_mode():
            moved = points.to(device)
            labels = scores(moved).argmax(1) + 1
        yield moved.only_asked(), labels if moved.asked is None else labels[moved.asked]
