"""The unit of Cylinder3D's asymmetric blocks, and the pair of branches made of units; kernels are (ρ, φ, z).

After Zhu et al., "Cylindrical and Asymmetrical 3D Convolution Networks for LiDAR Segmentation" (CVPR 2021). The paper
leaves open that activation comes before normalisation; so it does in the released code.
"""

from __future__ import annotations

from torch import nn
from torch.nn.functional import leaky_relu

from backbones.cylinder3d.convolution import KeyedConv
from backbones.cylinder3d.rulebook import Rulebook
from backbones.sparse.geometry import Triple
from backbones.sparse.tensor import SparseTensor

NEGATIVE_SLOPE = 0.01

PHI_Z: Triple = (1, 3, 3)
RHO_Z: Triple = (3, 1, 3)
CUBE: Triple = (3, 3, 3)


class Unit(nn.Module):
    """Submanifold convolution → LeakyReLU → batch normalisation, in this order."""

    def __init__(self, in_channels: int, out_channels: int, kernel_size: Triple, key: str) -> None:
        super().__init__()
        self.convolution = KeyedConv(in_channels, out_channels, kernel_size, key)
        self.norm = nn.BatchNorm1d(out_channels)

    def forward(self, x: SparseTensor, rulebook: Rulebook) -> SparseTensor:
        """Return [V, C_out] features on the voxels of x."""
        y: SparseTensor = self.convolution(x, rulebook)
        return y.with_features(self.norm(leaky_relu(y.features, NEGATIVE_SLOPE, inplace=True)))


class Crossed(nn.Module):
    """Two branches of two units whose kernels come in opposite orders, summed.

    Args:
        in_channels: C_in.
        out_channels: C_out.
        first: kernel with which the first branch begins and the second ends.
        second: the other kernel.
        key: under which all four units look for their map.
    """

    def __init__(self, in_channels: int, out_channels: int, first: Triple, second: Triple, key: str) -> None:
        super().__init__()
        self.branch1, self.branch2 = (
            nn.ModuleList([Unit(in_channels, out_channels, begin, key), Unit(out_channels, out_channels, end, key)])
            for begin, end in ((first, second), (second, first))
        )

    def forward(self, x: SparseTensor, rulebook: Rulebook) -> SparseTensor:
        """Return [V, C_out] features on the voxels of x."""
        one = two = x
        for unit in self.branch1:
            one = unit(one, rulebook)
        for unit in self.branch2:
            two = unit(two, rulebook)
        return x.with_features(two.features + one.features)
