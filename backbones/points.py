"""A batch of LiDAR scans as points, the only form in which data enters a network."""

from __future__ import annotations

from collections.abc import Callable
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
        asked: [N] bool, points whose prediction is wanted; None: all. The others are past scans, which only help.
    """

    xyz: Tensor
    intensity: Tensor
    scan_index: Tensor
    labels: Tensor | None
    scan_ids: tuple[str, ...]
    asked: Tensor | None = None

    @property
    def scans(self) -> int:
        """Number of scans in the batch."""
        return len(self.scan_ids)

    def pin_memory(self) -> PointBatch:
        """Return the same batch in page-locked host memory, from where a GPU fetches it fastest."""
        return self._map(lambda column: column.pin_memory())

    def to(self, device: torch.device | str) -> PointBatch:
        """Return the same batch on another device."""
        return self._map(lambda column: column.to(device))

    def copy_to(self, device: torch.device | str) -> PointBatch:
        """Return a copy on a device, in tensors of its own even where the batch is there already."""
        return self._map(lambda column: column.to(device, copy=True))

    def take(self, mask: Tensor) -> PointBatch:
        """Return the points of a mask, [N] bool."""
        return self._map(lambda column: column[mask])

    def only_asked(self) -> PointBatch:
        """Return the points whose prediction is wanted."""
        return self if self.asked is None else self.take(self.asked)

    def _map(self, change: Callable[[Tensor], Tensor]) -> PointBatch:
        """Return the batch with every column changed."""
        return replace(
            self,
            xyz=change(self.xyz),
            intensity=change(self.intensity),
            scan_index=change(self.scan_index),
            labels=None if self.labels is None else change(self.labels),
            asked=None if self.asked is None else change(self.asked),
        )
