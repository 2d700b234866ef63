"""Make a backbone by name: its network and the voxelisation it reads."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any, cast

from torch import nn

from backbones.backbone import Backbone, Voxelizer
from backbones.settings import BackboneSettings

_PLACES = {
    "minkowskinet": "backbones.minkowskinet:MinkowskiNet",
    "spvnas": "backbones.spvnas.network:SPVNAS",
    "cylinder3d": "backbones.cylinder3d.network:Cylinder3D",
}

NAMES = tuple(_PLACES)
"""Backbones that can be built."""

NARROWEST, WIDEST = 1 / 32, 8.0
"""Widths at which every layer has at least one channel and the network still fits a machine."""


def backbone_kind(name: str) -> type[Backbone]:
    """Return the class of a backbone.

    Raises:
        ValueError: the name is unknown.
    """
    if name not in _PLACES:
        raise ValueError(f"unknown backbone {name!r}; known: {', '.join(NAMES)}")
    module, _, kind = _PLACES[name].partition(":")
    return cast(type[Backbone], getattr(import_module(module), kind))


def backbone_settings(name: str, settings: Mapping[str, Any]) -> BackboneSettings:
    """Return the validated settings of a backbone, defaults included.

    Raises:
        ValueError: the name or a setting is unknown, or a value is out of range (pydantic's error is one).
    """
    return backbone_kind(name).Settings.model_validate(dict(settings))


def build_backbone(name: str, width: float, classes: int, settings: Mapping[str, Any] | None = None) -> Backbone:
    """Make a network with fresh weights, drawn from torch's global generator.

    Args:
        name: one of `NAMES`.
        width: factor on every channel count.
        classes: number of scored classes.
        settings: those that differ from the backbone's defaults.

    Raises:
        ValueError: the name or a setting is unknown, or the width leaves a layer without channels.
    """
    kind, validated = backbone_kind(name), backbone_settings(name, settings or {})
    if not NARROWEST <= width <= WIDEST:
        raise ValueError(f"width {width} is outside {NARROWEST} … {WIDEST}")
    return kind(classes, width, validated)


def build_voxelizer(name: str, voxel_size_m: float | None, settings: Mapping[str, Any] | None = None) -> Voxelizer:
    """Return the function that turns points into the voxels a backbone reads; it can travel to worker processes.

    Args:
        name: one of `NAMES`.
        voxel_size_m: edge of a voxel; None for a backbone with a grid of its own.
        settings: those that differ from the backbone's defaults.

    Raises:
        ValueError: the name or a setting is unknown, or the size is missing or not wanted.
    """
    return backbone_kind(name).voxelizer(voxel_size_m, backbone_settings(name, settings or {}))


def count_parameters(network: nn.Module) -> int:
    """Count the trainable numbers that a prediction uses; `Backbone.training_only` names what it does not."""
    skipped = tuple(f"{name}." for name in network.training_only) if isinstance(network, Backbone) else ()
    return sum(
        parameter.numel()
        for name, parameter in network.named_parameters()
        if parameter.requires_grad and not name.startswith(skipped)
    )
