"""Scans to one batch of points."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from backbones.points import PointBatch
from harness.data.scan import Scan


def collate(scans: Sequence[Scan]) -> PointBatch:
    """Concatenate scans, in the order given, into a batch on the CPU.

    Args:
        scans: one or more; either all of them have labels or none.

    Raises:
        ValueError: no scan, or labels for some scans only.
    """
    labels = [scan.labels for scan in scans if scan.labels is not None]
    if not scans or len(labels) not in (0, len(scans)):
        raise ValueError(
            f"a batch needs scans that all have labels or all have none: {len(labels)} of {len(scans)} have"
        )
    return PointBatch(
        xyz=torch.from_numpy(np.concatenate([scan.xyz for scan in scans])),
        intensity=torch.from_numpy(np.concatenate([scan.intensity for scan in scans])),
        scan_index=torch.repeat_interleave(torch.tensor([len(scan) for scan in scans])),
        labels=torch.from_numpy(np.concatenate(labels)) if labels else None,
        scan_ids=tuple(scan.scan_id for scan in scans),
        asked=_asked(scans),
    )


def _asked(scans: Sequence[Scan]) -> torch.Tensor | None:
    """Join the masks of the points whose prediction is wanted; None when all of them are."""
    if all(scan.asked is None for scan in scans):
        return None
    masks = [np.ones(len(scan), dtype=bool) if scan.asked is None else scan.asked for scan in scans]
    return torch.from_numpy(np.concatenate(masks))
