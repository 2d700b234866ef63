"""The blocks of Cylinder3D's U-Net, one level down and one level up."""

from __future__ import annotations

from torch import nn

from backbones.cylinder3d.rulebook import Rulebook
from backbones.cylinder3d.unit import CUBE, PHI_Z, RHO_Z, Crossed, Unit
from backbones.sparse.geometry import Triple
from backbones.sparse.layers import InverseConv, StridedConv
from backbones.sparse.tensor import SparseTensor


class DownBlock(nn.Module):
    """Crossed branches, then a strided 3³ convolution without norm onto the next coarser level.

    Args:
        in_channels: C_in.
        out_channels: C_out.
        stride: of the strided convolution.
        key: names the block.
    """

    def __init__(self, in_channels: int, out_channels: int, stride: Triple, key: str) -> None:
        super().__init__()
        self.crossed = Crossed(in_channels, out_channels, RHO_Z, PHI_Z, key)
        self.down = StridedConv(out_channels, out_channels, CUBE, stride, rule="window")

    def forward(self, x: SparseTensor, rulebook: Rulebook) -> tuple[SparseTensor, SparseTensor]:
        """Return the coarser level and, for the way up, the block's output on the voxels of x."""
        skip: SparseTensor = self.crossed(x, rulebook)
        return self.down(skip), skip


class UpBlock(nn.Module):
    """A 3³ unit, the inverse of a strided convolution, the skip added, and three units.

    Args:
        in_channels: C_in.
        out_channels: C_out, also of the skip.
        stride: of the strided convolution that is undone.
        key: names the block.
    """

    def __init__(self, in_channels: int, out_channels: int, stride: Triple, key: str) -> None:
        super().__init__()
        # The unit is one level deeper than the others, so its map has a key of its own.
        self.before = Unit(in_channels, out_channels, CUBE, f"{key}.before")
        self.up = InverseConv(out_channels, out_channels, CUBE, stride, rule="window")
        self.after = nn.ModuleList(Unit(out_channels, out_channels, kernel, key) for kernel in (PHI_Z, RHO_Z, CUBE))

    def forward(self, coarse: SparseTensor, skip: SparseTensor, rulebook: Rulebook) -> SparseTensor:
        """Return the voxels of `skip`, one level finer than `coarse`."""
        y: SparseTensor = self.up(self.before(coarse, rulebook), skip)
        y = y.with_features(y.features + skip.features)
        for unit in self.after:
            y = unit(y, rulebook)
        return y
