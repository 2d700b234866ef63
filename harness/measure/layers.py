"""What each layer of a network is asked to do on one batch: rows, channels, pairs; seen without computing it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

from torch import Tensor, nn

from backbones.sparse.engine import Direction, Engine
from backbones.sparse.geometry import Geometry
from backbones.sparse.kernel_map import KernelMap
from backbones.sparse.layers import SparseConv
from backbones.sparse.ops import sparse_conv
from backbones.sparse.tensor import SparseTensor

Kind = Literal["convolution", "linear", "interpolation"]
Value = TypeVar("Value")


@dataclass(frozen=True)
class Convolution:
    """One sparse convolution of a forward pass.

    Attributes:
        kernel_map: its pairs.
        c_in: channels read.
        c_out: channels written.
        executed: MACs that the layer's engine makes the machine do for it; None where it does not tell.
    """

    kernel_map: KernelMap
    c_in: int
    c_out: int
    executed: int | None


@dataclass
class LayerRecord:
    """The calls of one layer in a forward pass.

    Attributes:
        layer: the module.
        shapes: (rows read, channels read, rows written, channels written) of every call.
        convolutions: those computed on a kernel map; a kernel of one cell is a linear layer and has none.
    """

    layer: nn.Module
    shapes: list[tuple[int, int, int, int]] = field(default_factory=list)
    convolutions: list[Convolution] = field(default_factory=list)

    @property
    def kind(self) -> Kind:
        """What the layer is: `SparseConv`, ``Linear``, or else what reads voxels at points."""
        if isinstance(self.layer, SparseConv):
            return "convolution"
        return "linear" if isinstance(self.layer, nn.Linear) else "interpolation"

    def shape(self) -> tuple[int | None, int | None, int | None, int | None]:
        """Return rows and channels read, rows and channels written; None for what differs from call to call."""
        rows_in, c_in, rows_out, c_out = zip(*self.shapes, strict=True)
        return only(rows_in), only(c_in), only(rows_out), only(c_out)

    def kernel_volume(self) -> int | None:
        """Return the offsets of its kernel map, or 1 for a kernel of one cell; None for another kind of layer."""
        if self.kind != "convolution":
            return None
        return only([len(used.kernel_map.counts) for used in self.convolutions]) if self.convolutions else 1

    def pairs(self) -> int | None:
        """Return the pairs that it multiplies, the rows for a kernel of one cell; None for another kind of layer."""
        if self.kind != "convolution":
            return None
        if self.convolutions:
            return sum(used.kernel_map.pairs for used in self.convolutions)
        return sum(rows for rows, *_ in self.shapes)

    def executed(self, macs: int) -> int | None:
        """Return what the engine multiplies, for a layer of so many MACs; None where it does not tell."""
        if not self.convolutions:
            return macs
        told = [used.executed for used in self.convolutions if used.executed is not None]
        return sum(told) if len(told) == len(self.convolutions) else None


@dataclass(frozen=True)
class _ShapesAlone:
    """An engine in another's place, which finds the shape of an output, writes down the call, and multiplies nothing.

    Works on features without storage (torch's ``meta`` device) and on kernel maps of any device.
    """

    engine: Engine
    calls: list[Convolution]

    @property
    def name(self) -> str:
        return self.engine.name

    @property
    def version(self) -> str:
        return self.engine.version

    def supports(self, geometry: Geometry) -> bool:
        return self.engine.supports(geometry)

    def executed_macs(self, kernel_map: KernelMap, c_in: int, c_out: int, direction: Direction) -> int | None:
        return self.engine.executed_macs(kernel_map, c_in, c_out, direction)

    def convolve(self, features: Tensor, weight: Tensor, kernel_map: KernelMap, direction: Direction) -> Tensor:
        c_in, c_out = weight.shape[1:]
        executed = self.executed_macs(kernel_map, c_in, c_out, direction)
        self.calls.append(Convolution(kernel_map, c_in, c_out, executed))
        ends, rows = (kernel_map.inputs, kernel_map.outputs), kernel_map.out_rows
        if direction == "inverse":
            ends, rows = ends[::-1], kernel_map.in_rows
        identity = kernel_map.geometry.identity
        output: Tensor = sparse_conv(features, weight, *ends, kernel_map.counts, rows, identity)
        return output


@contextmanager
def watch_layers(network: nn.Module) -> Iterator[dict[str, LayerRecord]]:
    """Write down the calls of every leaf module; sparse layers compute shapes alone, and are as before afterwards.

    Yields:
        Records by dotted path, those of layers that were called, filled by a forward pass.
    """
    records: dict[str, LayerRecord] = {}
    leaves = {path: module for path, module in network.named_modules() if not any(module.children())}
    engines = {layer: layer.engine for layer in leaves.values() if isinstance(layer, SparseConv)}
    handles = []
    try:
        for path, layer in leaves.items():
            record = LayerRecord(layer)
            if isinstance(layer, SparseConv):
                layer.engine = _ShapesAlone(layer.engine, record.convolutions)
            handles.append(layer.register_forward_hook(_hook(path, record, records)))
        yield records
    finally:
        for handle in handles:
            handle.remove()
        for layer, engine in engines.items():
            layer.engine = engine


def only(values: Sequence[Value]) -> Value | None:
    """Return the one value that all of them are, else None."""
    return values[0] if len(set(values)) == 1 else None


def _hook(path: str, record: LayerRecord, records: dict[str, LayerRecord]) -> Any:
    def remember(layer: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
        records.setdefault(path, record).shapes.append((*_size(inputs[0]), *_size(output)))

    return remember


def _size(rows: Tensor | SparseTensor) -> tuple[int, int]:
    """Return the number of rows and of channels."""
    features = rows.features if isinstance(rows, SparseTensor) else rows
    return features.shape[0], features.shape[1]
