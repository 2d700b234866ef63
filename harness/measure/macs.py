"""macs-v1: the multiply-accumulates of one prediction, Σ pairs·Cin·Cout over sparse layers plus every dense layer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from backbones.backbone import Backbone
from backbones.sparse.layers import SparseConv
from backbones.voxelize import VoxelBatch
from harness.spec import MacsResult

Kind = Literal["convolution", "linear", "interpolation"]


@dataclass(frozen=True)
class MacsCount:
    """MACs of one batch.

    Attributes:
        total: all layers.
        layers: MACs by the module's dotted path, in the order of the forward pass.
        kinds: MACs of the sparse convolutions (kernels of one cell included), of the linear layers, and of the
            interpolation from voxels to points.
        voxels: active voxels on each level, finest first.
    """

    total: int
    layers: dict[str, int]
    kinds: dict[Kind, int]
    voxels: tuple[int, ...]


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
    """
    training = network.training
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        _Prediction(network.eval())(voxels)
    network.train(training)
    counts = {path: sum(operations.values()) // 2 for path, operations in counter.get_flop_counts().items()}
    total = counts.pop("Global", 0)
    modules = dict(network.named_modules())
    own = {path.removeprefix("_Prediction.network."): macs for path, macs in counts.items() if path != "_Prediction"}
    layers = {path: macs for path, macs in own.items() if path in modules and not any(modules[path].children())}
    kinds: dict[Kind, int] = dict.fromkeys(get_args(Kind), 0)
    for path, macs in layers.items():
        kinds[_kind(modules[path])] += macs
    return MacsCount(total, layers, kinds, tuple(len(level) for level in voxels.maps.levels))


def _kind(layer: nn.Module) -> Kind:
    if isinstance(layer, SparseConv):
        return "convolution"
    return "linear" if isinstance(layer, nn.Linear) else "interpolation"


def summarise(counts: list[MacsCount]) -> MacsResult:
    """Return mean and range over scans, in units of 10⁹ MACs."""
    gmacs = [count.total / 1e9 for count in counts]
    voxels = [count.voxels[0] for count in counts]
    mean = sum(gmacs) / len(gmacs)
    return MacsResult(
        scans=len(counts),
        gmacs_mean=mean,
        gmacs_min=min(gmacs),
        gmacs_max=max(gmacs),
        voxels_mean=sum(voxels) / len(voxels),
    )
