"""What the sampler of PVD sees in a scan and draws from it, as a record for text, pictures and scripts."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from baselines.pvd.settings import PVDSettings
from harness.spec import Augmentation, Strict


class TrainingMoment(Strict):
    """What decides how training meets a scan, besides the scan."""

    seed: int = Field(default=0, ge=0)
    epoch: int = Field(default=0, ge=0)
    backbone: str = "minkowskinet"
    voxel_size_m: float | None = Field(default=0.05, description="None where the backbone has a grid of its own")
    settings: dict[str, Any] = Field(default_factory=dict, description="of the backbone; else its defaults")
    augmentation: Augmentation | None = Field(default=Augmentation(), description="None: the scan as it is in its file")


class TrainingSet(Strict):
    """The training split, whose classes were counted."""

    scans: int
    partial: bool
    synthetic: bool
    class_points: dict[str, int] = Field(description="by class name, the ignored ones first")


class Supervoxel(Strict):
    """An occupied supervoxel. Ring, sector and layer count from 1."""

    block: int = Field(description="its number in the grid, from 0, radius slowest and height fastest")
    ring: int = Field(description="1 is the nearest")
    sector: int = Field(
        description="1 begins at the grid's lowest angle, straight behind; counter-clockwise from above"
    )
    layer: int = Field(description="1 is the lowest")
    outer_arc_m: float = Field(description="d_i, distance of its outer arc from the sensor")
    points: int
    voxels: int
    n_minor: int = Field(description="N_minor, in the unit that the settings name")
    minority_voxels: dict[str, int] = Field(description="voxels of each minority class that it holds")
    weight: float = Field(description="W_i up to a factor common to all")
    probability: float = Field(description="P_i, its chance in the first draw, 0–1")
    drawn: int | None = Field(description="its place in the draws of the epoch shown, from 1; None: not sampled")
    epochs_first: int = Field(description="epochs in which it is drawn first")
    epochs_sampled: int = Field(description="epochs in which it is sampled")


class GroupShare(Strict):
    """A group of occupied supervoxels: its part of their number, and of the chance to be drawn first."""

    group: str
    supervoxels: int
    share: float = Field(description="of the occupied supervoxels, 0–1")
    chance: float = Field(description="Σ P_i, 0–1")


class SamplingView(Strict):
    """Everything that decides which supervoxels of a scan PVD samples, and which it does sample.

    Each entry of `edges` holds one border more than the grid has blocks along that axis. What lies outside the grid
    counts in its border blocks.
    """

    scan: str
    moment: TrainingMoment
    data: TrainingSet
    epochs: int = Field(description="consecutive epochs drawn, from the moment's on")
    settings: PVDSettings
    minority_classes: tuple[str, ...]
    shape: tuple[int, int, int] = Field(description="rings, sectors, layers")
    edges: dict[Literal["ring_m", "sector_rad", "layer_m"], tuple[float, ...]]
    supervoxels: tuple[Supervoxel, ...] = Field(description="those that hold a voxel, by their number")
    by_ring: tuple[GroupShare, ...]
    by_minority: tuple[GroupShare, ...]

    @property
    def sampled(self) -> list[Supervoxel]:
        """The supervoxels sampled in the epoch shown, in the order drawn."""
        return sorted((one for one in self.supervoxels if one.drawn is not None), key=lambda one: one.drawn or 0)
