"""What Cylinder3D may be told besides its width."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import AfterValidator, Field

from backbones.settings import BackboneSettings
from backbones.sparse.packing import MAX_CELLS


def _ascending(interval: tuple[float, float]) -> tuple[float, float]:
    low, high = interval
    if low >= high:
        raise ValueError(f"the lower bound {low} must be below the upper bound {high}")
    return interval


PointChannels: TypeAlias = Literal["full", "scaled_output", "scaled"]
FARTHEST_M = 10_000.0
"""Beyond any sensor; a grid of 10³⁰⁸ m overflows, and its network gives NaN."""

Height = Annotated[float, Field(ge=-FARTHEST_M, le=FARTHEST_M)]
Radius = Annotated[float, Field(ge=0, le=FARTHEST_M)]
# The last cell of an axis begins at its upper bound, so an axis needs two.
Cells = Annotated[int, Field(ge=2, lt=MAX_CELLS)]


class Cylinder3DSettings(BackboneSettings):
    """Settings of Cylinder3D; the defaults are the published network on SemanticKITTI.

    Attributes:
        rulebook: ``as_described``: every convolution uses the map of its own kernel, as the paper has it.
            ``as_released``: the convolutions of a block share the first map that the block stored, whatever their
            kernel, as the released code did with the library of its day; needed to load weights trained with it.
        point_mlp: channels of its four layers. ``full``: 64, 128, 256, 256 at any width, as PVKD's student for
            SemanticKITTI has them; ``scaled_output``: the last times the width, as in PVKD's file for nuScenes;
            ``scaled``: all times the width.
        point_branch: whether points have a classifier of their own, which training supervises and distillation reads.
            Predictions come from the voxels either way.
        input_channels: channels of a voxel that enters the convolutions, at any width.
        grid: cells per axis (ρ, φ, z).
        rho_m: bounds of the grid in the distance from the sensor's axis, metres.
        z_m: bounds of the grid in height, metres; −5 … 3 in the published nuScenes recipe.
    """

    rulebook: Literal["as_described", "as_released"] = "as_described"
    point_mlp: PointChannels = "full"
    point_branch: bool = True
    input_channels: int = Field(default=16, ge=1, le=1024)
    grid: tuple[Cells, Cells, Cells] = (480, 360, 32)
    rho_m: Annotated[tuple[Radius, Radius], AfterValidator(_ascending)] = (0.0, 50.0)
    z_m: Annotated[tuple[Height, Height], AfterValidator(_ascending)] = (-4.0, 2.0)
