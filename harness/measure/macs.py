"""macs-v1: the multiply-accumulates of one forward pass, Σ pairs·Cin·Cout over sparse layers plus every dense layer."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch.utils.flop_counter import FlopCounterMode

from backbones.backbone import Backbone
from backbones.voxelize import VoxelBatch
from harness.spec import MacsResult


@dataclass(frozen=True)
class MacsCount:
    """MACs of one batch.

    Attributes:
        total: all layers.
        layers: MACs by the module's dotted path, in the order of the forward pass.
        voxels: active voxels on each level, finest first.
    """

    total: int
    layers: dict[str, int]
    voxels: tuple[int, ...]


def count_macs(network: Backbone, voxels: VoxelBatch) -> MacsCount:
    """Count the MACs of a network in eval mode on one batch of voxels.

    Sparse convolutions announce their flops to torch's FlopCounterMode from their kernel map (two flops are one MAC).
    """
    training = network.training
    network.eval()
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        output = network(voxels)
    network.train(training)
    counts = {path: sum(operations.values()) // 2 for path, operations in counter.get_flop_counts().items()}
    total = counts.pop("Global", 0)
    root = type(network).__name__
    own = {path.removeprefix(f"{root}."): macs for path, macs in counts.items() if path != root}
    leaves = {path: macs for path, macs in own.items() if not any(other.startswith(f"{path}.") for other in own)}
    levels = [
        stage.features.shape[0] for name, stage in output.stages.items() if name == "stem" or name.startswith("down")
    ]
    return MacsCount(total, leaves, tuple(levels))


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
