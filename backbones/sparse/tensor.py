"""Features on a sparse set of voxels."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from torch import Tensor

from backbones.sparse.geometry import Triple
from backbones.sparse.kernel_map import KernelMapCache


@dataclass(frozen=True, eq=False)
class SparseTensor:
    """Features of V voxels of one or more scans.

    Attributes:
        features: [V, C] float, one row per voxel.
        coordinates: [V, 4] int64 (scan, x, y, z), ≥ 0, sorted by packed key, without duplicates. They count cells of
            this level: a voxel at stride s covers the fine cells s·c .. s·c + s − 1.
        stride: fine cells per cell of this level, per axis.
        maps: kernel maps of the batch, shared by all tensors that are derived from one another.
        extents: cells per axis of this level's grid, read by the ``window`` rule; None when it has no upper bound.
    """

    features: Tensor
    coordinates: Tensor
    stride: Triple = (1, 1, 1)
    maps: KernelMapCache = field(default_factory=KernelMapCache)
    extents: Triple | None = None

    def __post_init__(self) -> None:
        if self.features.ndim != 2 or len(self.features) != len(self.coordinates):
            shapes = f"{list(self.features.shape)} features and {list(self.coordinates.shape)} coordinates"
            raise ValueError(f"a sparse tensor needs [V, C] features and [V, 4] coordinates, not {shapes}")

    def with_features(self, features: Tensor) -> SparseTensor:
        """Return other features [V, C'] on the same voxels."""
        return replace(self, features=features)
