"""Make a backbone by name: its network and the voxelisation it reads."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from torch import nn

from backbones.backbone import Backbone
from backbones.minkowskinet import MinkowskiNet
from backbones.points import PointBatch
from backbones.voxelize import VoxelBatch, voxelize_first_point

Voxelizer = Callable[[PointBatch], VoxelBatch]

NAMES = ("minkowskinet",)
"""Backbones that can be built."""

NARROWEST, WIDEST = 1 / 32, 8.0
"""Widths at which every layer has at least one channel and the network still fits a machine."""

PUBLISHED_VOXEL_SIZE_M = 0.05
"""Edge of a voxel in the published recipe of MinkowskiNet and SPVNAS."""


def build_backbone(name: str, width: float, classes: int) -> Backbone:
    """Make a network with fresh weights, drawn from torch's global generator.

    Args:
        name: one of `NAMES`.
        width: factor on every channel count.
        classes: number of scored classes.

    Raises:
        ValueError: the name is unknown, or the width leaves a layer without channels.
    """
    if name not in NAMES:
        raise ValueError(f"unknown backbone {name!r}; known: {', '.join(NAMES)}")
    if not NARROWEST <= width <= WIDEST:
        raise ValueError(f"width {width} is outside {NARROWEST} … {WIDEST}")
    return MinkowskiNet(classes, width)


def build_voxelizer(name: str, voxel_size_m: float) -> Voxelizer:
    """Return the function that turns points into the voxels a backbone reads; it can travel to worker processes."""
    if name not in NAMES:
        raise ValueError(f"unknown backbone {name!r}; known: {', '.join(NAMES)}")
    return partial(voxelize_first_point, voxel_size_m=voxel_size_m)


def count_parameters(network: nn.Module) -> int:
    """Count the trainable numbers of a network."""
    return sum(parameter.numel() for parameter in network.parameters() if parameter.requires_grad)
