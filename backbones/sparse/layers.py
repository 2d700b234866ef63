"""Sparse convolution layers; a network is put on an engine with `set_engine`."""

from __future__ import annotations

from math import sqrt

import torch
from torch import Tensor, nn

from backbones.sparse.engine import Direction, Engine, EngineError
from backbones.sparse.geometry import Geometry, Rule, Triple, triple
from backbones.sparse.kernel_map import KernelMap
from backbones.sparse.portable import PortableEngine
from backbones.sparse.tensor import SparseTensor


class SparseConv(nn.Module):
    """What the three layers share: weights, initialisation and the engine.

    Weights and bias start uniform in ±1/√(K·C_in), the default of PyTorch's dense convolutions, which counts every
    offset of the kernel as fan-in.

    Attributes:
        weight: [K, C_in, C_out], offsets x slowest and z fastest.
        bias: [C_out] or None.
        geometry: kernel, stride and rule.
        engine: what computes the layer; the portable engine until `set_engine` says otherwise.
    """

    bias: nn.Parameter | None

    def __init__(self, in_channels: int, out_channels: int, geometry: Geometry, bias: bool) -> None:
        super().__init__()
        self.in_channels, self.out_channels, self.geometry = in_channels, out_channels, geometry
        self.engine: Engine = PortableEngine()
        self.weight = nn.Parameter(torch.empty(geometry.volume, in_channels, out_channels))
        self.register_parameter("bias", nn.Parameter(torch.empty(out_channels)) if bias else None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw weight and bias anew from torch's global generator."""
        bound = 1 / sqrt(self.geometry.volume * self.in_channels)
        nn.init.uniform_(self.weight, -bound, bound)
        if self.bias is not None:
            nn.init.uniform_(self.bias, -bound, bound)

    def extra_repr(self) -> str:
        """Describe the layer in a printed network."""
        shape = self.geometry
        step = "" if shape.rule == "submanifold" else f"stride={shape.stride}, rule={shape.rule}, "
        channels = f"{self.in_channels}, {self.out_channels}"
        return f"{channels}, kernel_size={shape.kernel_size}, {step}bias={self.bias is not None}"

    def convolve(self, features: Tensor, kernel_map: KernelMap, direction: Direction = "forward") -> Tensor:
        """Return the layer's output features on a given map, which may be another kernel's.

        Args:
            features: rows of the side of the map that is read, [*, C_in].
            kernel_map: slice i of the weights serves offset i of the map, which may have fewer offsets than the layer.
            direction: along the map or back.
        """
        offsets = kernel_map.geometry.volume
        weight = self.weight if offsets == len(self.weight) else self.weight[:offsets]
        output = self.engine.convolve(features, weight, kernel_map, direction)
        return output if self.bias is None else output + self.bias


class SubmanifoldConv(SparseConv):
    """Convolution whose outputs are on its inputs' voxels.

    Args:
        in_channels: C_in.
        out_channels: C_out.
        kernel_size: extent of the kernel, for all axes or per axis (x, y, z).
        bias: whether a bias is added.
    """

    def __init__(self, in_channels: int, out_channels: int, kernel_size: int | Triple, bias: bool = False) -> None:
        super().__init__(in_channels, out_channels, Geometry(triple(kernel_size, "kernel_size")), bias)

    def kernel_map(self, x: SparseTensor) -> KernelMap:
        """Return the map this layer uses on the voxels of x."""
        return x.maps.submanifold(x.coordinates, self.geometry.kernel_size)

    def forward(self, x: SparseTensor) -> SparseTensor:
        """Return [V, C_out] features on the voxels of x."""
        if self.geometry.volume == 1:
            # A kernel of one cell is a linear layer on every engine.
            return x.with_features(nn.functional.linear(x.features, self.weight[0].t(), self.bias))
        return x.with_features(self.convolve(x.features, self.kernel_map(x)))


class StridedConv(SparseConv):
    """Convolution onto a coarser set of voxels.

    Args:
        in_channels: C_in.
        out_channels: C_out.
        kernel_size: extent of the kernel, for all axes or per axis (x, y, z).
        stride: fine cells per coarse cell, for all axes or per axis.
        rule: ``floor``: outputs on ⌊input / stride⌋. ``window``: outputs wherever any offset reaches an input, as in a
            dense convolution; give the first tensor its `extents`, or outputs may lie one cell beyond the grid.
        bias: whether a bias is added.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | Triple,
        stride: int | Triple,
        rule: Rule = "floor",
        bias: bool = False,
    ) -> None:
        geometry = Geometry(triple(kernel_size, "kernel_size"), triple(stride, "stride"), rule)
        super().__init__(in_channels, out_channels, geometry, bias)

    def forward(self, x: SparseTensor) -> SparseTensor:
        """Return [M, C_out] features on the coarse voxels."""
        kernel_map = x.maps.strided(x.coordinates, self.geometry, x.extents)
        step = self.geometry.stride
        stride = (x.stride[0] * step[0], x.stride[1] * step[1], x.stride[2] * step[2])
        extents = None if x.extents is None else self.geometry.coarsen(x.extents)
        features = self.convolve(x.features, kernel_map)
        return SparseTensor(features, kernel_map.out_coordinates, stride, x.maps, extents)


class InverseConv(SparseConv):
    """Convolution from coarse voxels back onto the fine ones, along the map of a strided convolution.

    Offset k joins the same pairs as in the strided convolution: it is that layer's transpose, without a flip.

    Args:
        in_channels: C_in.
        out_channels: C_out.
        kernel_size: of the strided convolution.
        stride: of the strided convolution.
        rule: of the strided convolution.
        bias: whether a bias is added.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | Triple,
        stride: int | Triple,
        rule: Rule = "floor",
        bias: bool = False,
    ) -> None:
        geometry = Geometry(triple(kernel_size, "kernel_size"), triple(stride, "stride"), rule)
        super().__init__(in_channels, out_channels, geometry, bias)

    def forward(self, coarse: SparseTensor, fine: SparseTensor) -> SparseTensor:
        """Return [V, C_out] features on the voxels of `fine`.

        Args:
            coarse: [M, C_in] features on the voxels that the strided convolution makes of `fine`.
            fine: a tensor on the voxels to return to; its features are not read.

        Raises:
            ValueError: the voxels of `coarse` are not those of the strided convolution of `fine`.
        """
        kernel_map = fine.maps.strided(fine.coordinates, self.geometry, fine.extents)
        if kernel_map.out_coordinates is not coarse.coordinates:
            raise ValueError(
                f"the coarse voxels were not made from the fine ones by kernel {self.geometry.kernel_size}, "
                f"stride {self.geometry.stride}, rule '{self.geometry.rule}'"
            )
        return fine.with_features(self.convolve(coarse.features, kernel_map, "inverse"))


def set_engine(network: nn.Module, engine: Engine) -> None:
    """Put every sparse layer of a network on an engine.

    Raises:
        EngineError: the engine can't express a layer; the network is left as it was.
    """
    layers = [(name, layer) for name, layer in network.named_modules() if isinstance(layer, SparseConv)]
    for name, layer in layers:
        if not engine.supports(layer.geometry):
            raise EngineError(f"The engine '{engine.name}' can't express the layer {name}, {layer.geometry}.")
    for _, layer in layers:
        layer.engine = engine
