"""The submanifold convolution of Cylinder3D, whose map comes from a rulebook."""

from __future__ import annotations

from backbones.cylinder3d.rulebook import Rulebook
from backbones.sparse.geometry import Geometry, Triple
from backbones.sparse.layers import SparseConv
from backbones.sparse.tensor import SparseTensor


class KeyedConv(SparseConv):
    """Convolution whose outputs are on its inputs' voxels, along the map that a rulebook has under its key.

    Args:
        in_channels: C_in.
        out_channels: C_out.
        kernel_size: per axis (ρ, φ, z).
        key: names the layers that share a map in the released code.
        bias: whether a bias is added.
    """

    def __init__(self, in_channels: int, out_channels: int, kernel_size: Triple, key: str, bias: bool = False) -> None:
        super().__init__(in_channels, out_channels, Geometry(kernel_size), bias)
        self.key = key

    def forward(self, x: SparseTensor, rulebook: Rulebook) -> SparseTensor:
        """Return [V, C_out] features on the voxels of x."""
        kernel_map = rulebook.find(self.key, self.geometry.kernel_size, x)
        return x.with_features(self.convolve(x.features, kernel_map))
