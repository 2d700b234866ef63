"""Count predictions against ground truth, scan by scan: predictions are never kept in memory."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

import torch
from torch import Tensor

from harness.evaluate.distance import NO_BAND
from harness.evaluate.stretches import stretch_starts

BANDS = NO_BAND + 1
"""Bands of distance that are counted: the official ones, and one for the points that lie in none of them."""


def confusion_by_band(pred: Tensor, gt: Tensor, band: Tensor, classes: int) -> Tensor:
    """Count the points of each (band, predicted class, true class), in one pass over the points.

    Args:
        pred: [N] any integer type, predicted ids in 0..classes; 0 means "no class predicted".
        gt: [N] any integer type, true ids in 0..classes; 0 means "ignored". On the device of `pred`.
        band: [N] int64, as `band_of_tensor` returns it. On the device of `pred`.
        classes: number of scored classes.

    Returns:
        [BANDS, classes + 1, classes + 1] int64 on the device of `pred`: of each band rows predicted, columns ground
        truth, id 0 first (the convention of SemanticKITTI's official script).

    Raises:
        ValueError: the lengths differ, or an id is outside 0..classes (it would be counted as another pair).

    Example:
        >>> confusion_by_band(torch.tensor([1, 1]), torch.tensor([1, 0]), torch.tensor([0, 4]), 1)[[0, 4]].tolist()
        [[[0, 0], [0, 1]], [[0, 0], [1, 0]]]
    """
    if pred.ndim != 1 or not pred.shape == gt.shape == band.shape:
        shapes = f"predictions {tuple(pred.shape)}, ground truth {tuple(gt.shape)} and bands {tuple(band.shape)}"
        raise ValueError(f"{shapes} are not of one length")
    pred, gt, ids = pred.long(), gt.long(), classes + 1
    if len(pred) and _any_outside(pred, gt, classes):
        raise ValueError(f"ids outside 0..{classes}: predictions {_range(pred)}, ground truth {_range(gt)}")
    cells = (band * ids + pred) * ids + gt
    return torch.bincount(cells, minlength=BANDS * ids * ids).view(BANDS, ids, ids)


class EvaluationCounts:
    """The running counts of an evaluation on one device, by stretch of road and by distance.

    Args:
        scan_ids: all scans of the evaluation, in the order of driving; of several processes each counts some of them.
        classes: number of scored classes.
        device: where the counts are kept; the scans have to lie there too.

    Attributes:
        counts: [stretches, BANDS, classes + 1, classes + 1] int64, rows predicted, columns ground truth, id 0 first.
    """

    def __init__(self, scan_ids: Sequence[str], classes: int, device: torch.device | str = "cpu") -> None:
        starts = stretch_starts(scan_ids)
        self._stretch = {scan_id: bisect_right(starts, place) - 1 for place, scan_id in enumerate(scan_ids)}
        self._classes = classes
        shape = (len(starts), BANDS, classes + 1, classes + 1)
        self.counts = torch.zeros(shape, dtype=torch.int64, device=device)

    def add(self, scan_id: str, pred: Tensor, gt: Tensor, band: Tensor) -> None:
        """Add the points of one scan; see `confusion_by_band` for shapes and errors."""
        self.counts[self._stretch[scan_id]] += confusion_by_band(pred, gt, band, self._classes)


def _any_outside(pred: Tensor, gt: Tensor, classes: int) -> bool:
    """Compare the extremes of both, [N] and [N] with N > 0; a device is waited for once."""
    (least_pred, most_pred), (least_gt, most_gt) = pred.aminmax(), gt.aminmax()
    return bool((torch.minimum(least_pred, least_gt) < 0) | (torch.maximum(most_pred, most_gt) > classes))


def _range(ids: Tensor) -> str:
    return f"{int(ids.min())}..{int(ids.max())}"
