"""Count predictions against ground truth, scan by scan: predictions are never kept in memory."""

from __future__ import annotations

import torch
from torch import Tensor


def confusion_matrix(pred: Tensor, gt: Tensor, classes: int) -> Tensor:
    """Count the points of each (predicted, true) pair of class ids.

    Args:
        pred: [N] any integer type, predicted ids in 0..classes; 0 means "no class predicted".
        gt: [N] any integer type, true ids in 0..classes; 0 means "ignored". On the device of `pred`.
        classes: number of scored classes.

    Returns:
        [classes + 1, classes + 1] int64 on the device of `pred`: rows predicted, columns ground truth, id 0 first (the
        convention of SemanticKITTI's official script).

    Raises:
        ValueError: the lengths differ, or an id is outside 0..classes (it would be counted as another pair).

    Example:
        >>> confusion_matrix(torch.tensor([1, 2, 2]), torch.tensor([1, 1, 2]), classes=2).tolist()
        [[0, 0, 0], [0, 1, 0], [0, 1, 1]]
    """
    if pred.ndim != 1 or pred.shape != gt.shape:
        raise ValueError(
            f"predictions {tuple(pred.shape)} and ground truth {tuple(gt.shape)} are not two equal lengths"
        )
    pred, gt, ids = pred.long(), gt.long(), classes + 1
    if bool(((pred < 0) | (pred > classes) | (gt < 0) | (gt > classes)).any()):
        raise ValueError(f"ids outside 0..{classes}: predictions {_range(pred)}, ground truth {_range(gt)}")
    return torch.bincount(pred * ids + gt, minlength=ids * ids).view(ids, ids)


class ConfusionMatrix:
    """A running confusion matrix on one device.

    Args:
        classes: number of scored classes.
        device: where the counts are kept; the batches have to lie there too.

    Attributes:
        counts: [classes + 1, classes + 1] int64, rows predicted, columns ground truth, id 0 first.
    """

    def __init__(self, classes: int, device: torch.device | str = "cpu") -> None:
        self.classes = classes
        self.counts = torch.zeros((classes + 1, classes + 1), dtype=torch.int64, device=device)

    def update(self, pred: Tensor, gt: Tensor) -> None:
        """Add the points of a scan or batch; see `confusion_matrix` for shapes and errors."""
        self.counts += confusion_matrix(pred, gt, self.classes)


def _range(ids: Tensor) -> str:
    return f"{int(ids.min())}..{int(ids.max())}"
