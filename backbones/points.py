"""A batch of LiDAR scans as points, the only form in which data enters a network."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor


@dataclass(frozen=True)
class PointBatch:
    """Points of one or more scans, concatenated scan by scan.

    Attributes:
        xyz: [N, 3] float32, metres, in the sensor's frame.
        intensity: [N] float32, remission in 0–1.
        scan_index: [N] int64, ascending, which scan of the batch a point belongs to.
        labels: [N] int64, 0 is ignored and 1..C are the scored classes; None when unknown.
        scan_ids: one name per scan, for example ``08/000004``.
    """

    xyz: Tensor
    intensity: Tensor
    scan_index: Tensor
    labels: Tensor | None
    scan_ids: tuple[str, ...]

    @property
    def scans(self) -> int:
        """Number of scans in the batch."""
        return len(self.scan_ids)

    def pin_memory(self) -> PointBatch:
        """Return the same batch in page-locked host memory, from where a GPU fetches it fastest."""
        labels = None if self.labels is None else self.labels.pin_memory()
        return replace(
            self,
            xyz=self.xyz.pin_memory(),
            intensity=self.intensity.pin_memory(),
            scan_index=self.scan_index.pin_memory(),
            labels=labels,
        )

    def to(self, device: torch.device | str) -> PointBatch:
        """Return the same batch on another device."""
        labels = None if self.labels is None else self.labels.to(device)
        return replace(
            self,
            xyz=self.xyz.to(device),
            intensity=self.intensity.to(device),
            scan_index=self.scan_index.to(device),
            labels=labels,
        )
