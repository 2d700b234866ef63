"""macs-v1: the multiply-accumulates of one prediction, Σ pairs·Cin·Cout over sparse layers plus every dense layer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import get_args

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.utils.flop_counter import FlopCounterMode

from backbones.backbone import Backbone
from backbones.voxelize import VoxelBatch
from harness.measure.layers import Kind, LayerRecord, watch_layers

KINDS: tuple[Kind, ...] = get_args(Kind)


@dataclass(frozen=True)
class LayerCount:
    """What one layer does on one batch; None for what it has not, or has in several sizes.

    Attributes:
        kind: a sparse convolution (a kernel of one cell included), a linear layer, or interpolation from voxels to
            points.
        c_in: channels read.
        c_out: channels written.
        kernel_volume: offsets of the kernel map.
        rows_in: voxels or points read.
        rows_out: voxels or points written.
        pairs: of the kernel map; the rows for a kernel of one cell.
        macs: multiply-accumulates; pairs · c_in · c_out of a convolution.
        executed: what the engine multiplies for them, padding included; None where it does not tell.
    """

    kind: Kind
    c_in: int | None
    c_out: int | None
    kernel_volume: int | None
    rows_in: int | None
    rows_out: int | None
    pairs: int | None
    macs: int
    executed: int | None


@dataclass(frozen=True)
class MacsCount:
    """MACs of one batch.

    Attributes:
        scan_ids: the batch's scans.
        total: all layers.
        layers: those that have any, by the module's dotted path, in the order of the forward pass.
        sites: active voxels on each level, finest first.
        pairs: of all kernel maps together, each counted once however many layers share it.
    """

    scan_ids: tuple[str, ...]
    total: int
    layers: Mapping[str, LayerCount]
    sites: tuple[int, ...]
    pairs: int

    @property
    def kinds(self) -> dict[Kind, int]:
        """MACs by kind of layer."""
        return {kind: sum(layer.macs for layer in self.layers.values() if layer.kind == kind) for kind in KINDS}

    @property
    def executed(self) -> int | None:
        """What the engine multiplies, with the other layers as they are counted; None where it does not tell."""
        told = [layer.executed for layer in self.layers.values() if layer.executed is not None]
        return sum(told) if len(told) == len(self.layers) else None


class _Prediction(nn.Module):
    """A network whose call is its prediction, since the counter names layers by the modules that are called."""

    def __init__(self, network: Backbone) -> None:
        super().__init__()
        self.network = network

    def forward(self, voxels: VoxelBatch) -> Tensor:
        return self.network.predict(voxels)


def count_macs(network: Backbone, voxels: VoxelBatch) -> MacsCount:
    """Count the MACs of a network's prediction in eval mode on one batch of voxels.

    Sparse convolutions announce their flops to torch's FlopCounterMode from their kernel map (two flops are one MAC).
    The kernel maps are real and are found in the batch afterwards; features and weights are shapes without numbers, so
    nothing is multiplied, and the count does not depend on the engine.

    Args:
        network: on any device, ``meta`` included; left as it was.
        voxels: on any device.
    """
    shapes = replace(voxels, features=voxels.features.to("meta"))
    prediction, training = _Prediction(network), network.training
    tensors = {name: tensor.to("meta") for name, tensor in _tensors(prediction)}
    network.eval()
    try:
        counting = FlopCounterMode(display=False)
        with watch_layers(network) as records, torch.no_grad(), counting:
            functional_call(prediction, tensors, (shapes,))
    finally:
        network.train(training)
    counts = {path: sum(operations.values()) // 2 for path, operations in counting.get_flop_counts().items()}
    macs = {path: counts.get(f"_Prediction.network.{path}", 0) for path in records}
    maps = {id(c.kernel_map): c.kernel_map for record in records.values() for c in record.convolutions}
    return MacsCount(
        scan_ids=voxels.points.scan_ids,
        total=counts.get("Global", 0),
        layers={path: _layer_count(records[path], number) for path, number in macs.items() if number},
        sites=tuple(len(level) for level in voxels.maps.levels),
        pairs=sum(kernel_map.pairs for kernel_map in maps.values()),
    )


def _layer_count(record: LayerRecord, macs: int) -> LayerCount:
    rows_in, c_in, rows_out, c_out = record.shape()
    return LayerCount(
        kind=record.kind,
        c_in=c_in,
        c_out=c_out,
        kernel_volume=record.kernel_volume(),
        rows_in=rows_in,
        rows_out=rows_out,
        pairs=record.pairs(),
        macs=macs,
        executed=record.executed(macs),
    )


def _tensors(module: nn.Module) -> Iterator[tuple[str, Tensor]]:
    """Yield parameters and buffers with their names."""
    yield from module.named_parameters()
    yield from module.named_buffers()
