"""Dimension-decomposition context modelling, the last block of Cylinder3D before its logits."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from backbones.cylinder3d.convolution import KeyedConv
from backbones.cylinder3d.rulebook import Rulebook
from backbones.sparse.geometry import Triple
from backbones.sparse.tensor import SparseTensor


class Gate(nn.Module):
    """Submanifold convolution → batch normalisation → sigmoid, in this order."""

    def __init__(self, channels: int, kernel_size: Triple, key: str) -> None:
        super().__init__()
        self.convolution = KeyedConv(channels, channels, kernel_size, key)
        self.norm = nn.BatchNorm1d(channels)

    def forward(self, x: SparseTensor, rulebook: Rulebook) -> Tensor:
        """Return [V, C] factors in 0 … 1."""
        return torch.sigmoid(self.norm(self.convolution(x, rulebook).features))


class DDCM(nn.Module):
    """Three gates, one per axis, summed and multiplied with their input."""

    def __init__(self, channels: int, key: str) -> None:
        super().__init__()
        self.rho = Gate(channels, (3, 1, 1), key)
        self.phi = Gate(channels, (1, 3, 1), key)
        self.z = Gate(channels, (1, 1, 3), key)

    def forward(self, x: SparseTensor, rulebook: Rulebook) -> SparseTensor:
        """Return [V, 2·C] features: the gated input, then the input."""
        context = self.rho(x, rulebook) + self.phi(x, rulebook) + self.z(x, rulebook)
        return x.with_features(torch.cat([context * x.features, x.features], dim=1))
