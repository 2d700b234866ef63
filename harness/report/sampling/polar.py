"""Blocks of a cylindrical grid seen from above, forward to the top and left to the left."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from harness.inspect.view import SamplingView, Supervoxel

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.patches import Wedge

FULL_TURN_DEG = 359.99
NARROW = 0.08
"""Width of a ring, as a part of the radius."""
FINEST = 400
"""Areas between arcs and rays up to which all borders are drawn; more would cover what they bound."""


def place(radius_m: float, angle_rad: float) -> tuple[float, float]:
    """Return a polar position of the sensor's frame (x forward, y left) in the picture, in metres."""
    return -radius_m * math.sin(angle_rad), radius_m * math.cos(angle_rad)


def inside(view: SamplingView, one: Supervoxel, across: float = 0.5, along: float = 0.5) -> tuple[float, float]:
    """Return a place `across` of the way from a supervoxel's inner arc to its outer one, and `along` of its angle."""
    inner, outer = view.edges["ring_m"][one.ring - 1 : one.ring + 1]
    begin, end = view.edges["sector_rad"][one.sector - 1 : one.sector + 1]
    return place(inner + across * (outer - inner), begin + along * (end - begin))


def is_narrow(view: SamplingView) -> bool:
    """Whether the rings are too narrow for a number to stand inside one."""
    rings = view.edges["ring_m"]
    return rings[1] - rings[0] < NARROW * rings[-1]


def wedge(view: SamplingView, one: Supervoxel) -> Wedge:
    """Return the area of a supervoxel."""
    from matplotlib.patches import Wedge

    inner, outer = view.edges["ring_m"][one.ring - 1 : one.ring + 1]
    begin, end = (math.degrees(edge) + 90 for edge in view.edges["sector_rad"][one.sector - 1 : one.sector + 1])
    end = begin + 360 if end - begin > FULL_TURN_DEG else end  # a turn cut short of π has no border
    return Wedge((0, 0), outer, begin, end, width=outer - inner)


def outline(axes: Axes, view: SamplingView, chosen: Sequence[Supervoxel], colour: str, width: float) -> None:
    """Draw strong borders around supervoxels, with a white rim that parts them from any ground."""
    for line, shade in ((1.9 * width, "white"), (width, colour)):
        for one in chosen:
            patch = wedge(view, one)
            patch.set(facecolor="none", edgecolor=shade, linewidth=line, joinstyle="round", zorder=5)
            axes.add_patch(patch)


def draw_borders(axes: Axes, view: SamplingView, colour: str, width: float) -> None:
    """Draw the arcs and rays between the blocks, or the outermost arc alone where there are too many."""
    from matplotlib.collections import LineCollection
    from matplotlib.patches import Arc

    rings, sectors = view.edges["ring_m"], view.edges["sector_rad"]
    fine = view.shape[0] * view.shape[1] > FINEST
    begin, end = math.degrees(sectors[0]) + 90, math.degrees(sectors[-1]) + 90
    for radius_m in rings[-1:] if fine else rings[1:]:
        axes.add_patch(Arc((0, 0), 2 * radius_m, 2 * radius_m, theta1=begin, theta2=end, color=colour, lw=width))
    if not fine and len(sectors) > 2:
        rays = [[place(rings[0], angle), place(rings[-1], angle)] for angle in sectors]
        axes.add_collection(LineCollection(rays, colors=colour, linewidths=width))


def frame(axes: Axes, extent_m: float) -> None:
    """Show a square around the sensor, without ticks."""
    axes.set(xlim=(-extent_m, extent_m), ylim=(-extent_m, extent_m), aspect="equal", xticks=[], yticks=[])
    axes.spines[:].set_visible(False)
