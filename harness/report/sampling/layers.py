"""One small map for each height layer: how likely each supervoxel is, and which are sampled."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.inspect.view import SamplingView, Supervoxel
from harness.report.sampling.polar import draw_borders, frame, inside, is_narrow, outline, wedge
from harness.report.sampling.style import BORDER, HATCH, SAMPLED, heading, number_badge
from harness.report.sampling.text import UNIT_TEXT, height_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.cm import ScalarMappable
    from matplotlib.figure import SubFigure

MOST_LAYERS = 6
MOST_NUMBERS = 60
"""Sampled supervoxels up to which each gets its number."""
MOST_DOTS = 150
"""Places of supervoxels in a layer up to which those with a minority voxel get a dot."""


def shown_layers(view: SamplingView) -> list[int]:
    """Return the layers that get a map, from the lowest up: occupied ones, first those sampled from and the likely."""
    merit: dict[int, float] = {}
    for one in view.supervoxels:
        merit[one.layer] = merit.get(one.layer, 0.0) + one.probability + (one.drawn is not None)
    return sorted(sorted(merit, key=lambda layer: -merit[layer])[:MOST_LAYERS])


def draw_layers(figure: SubFigure, view: SamplingView) -> None:
    """Fill a part of a figure with the maps of the layers and their common scale of colours."""
    layers, occupied = shown_layers(view), {one.layer for one in view.supervoxels}
    left_out = len(occupied) - len(layers)
    more = f"; {left_out} more occupied layers are not shown" if left_out else ""
    heading(
        figure,
        "Chance of each supervoxel to be drawn first, P",
        f"One map for each layer of heights: the darker, the likelier{more}.",
    )
    columns = 1 if len(layers) == 1 else 2 if len(layers) <= 4 else 3
    rows = -(-len(layers) // columns)
    grid = figure.add_gridspec(rows, columns, left=0.01, right=0.87, top=0.89, bottom=0.055, wspace=0.03, hspace=0.13)
    scale = colour_scale(view)
    for number, layer in enumerate(layers):
        axes = figure.add_subplot(grid[number // columns, number % columns])
        _draw_layer(axes, view, [one for one in view.supervoxels if one.layer == layer], scale)
        axes.set_title(f"layer {layer}: {height_text(view.edges['layer_m'], layer)}", fontsize=10.5, pad=3)
    bar = figure.colorbar(scale, cax=figure.add_axes((0.89, 0.14, 0.022, 0.66)))
    bar.ax.yaxis.set_major_formatter(lambda value, position: f"{value:g} %")
    bar.outline.set_visible(False)
    _draw_key(figure, view)


def colour_scale(view: SamplingView) -> ScalarMappable:
    """Return the colours of P in percent, from 0 to the likeliest, or to twice an even chance if that is more."""
    from matplotlib import colormaps
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import ListedColormap, Normalize

    shades = ListedColormap(colormaps["Blues"](range(14, 240)))
    highest = max(2 / len(view.supervoxels), *(one.probability for one in view.supervoxels))
    return ScalarMappable(Normalize(0, 100 * min(highest, 1)), shades)


def _draw_layer(axes: Axes, view: SamplingView, held: Sequence[Supervoxel], scale: ScalarMappable) -> None:
    """Draw the map of one layer: hatched where it is empty, shaded by P where it is not."""
    from matplotlib.collections import PatchCollection
    from matplotlib.patches import Circle

    reach_m = view.edges["ring_m"][-1]
    axes.add_patch(Circle((0, 0), reach_m, facecolor="white", edgecolor=HATCH, hatch="////", linewidth=0))
    colours = scale.to_rgba(np.array([100 * one.probability for one in held]))
    axes.add_collection(PatchCollection([wedge(view, one) for one in held], facecolors=colours, edgecolors="none"))
    draw_borders(axes, view, BORDER, 0.6)
    sampled = [one for one in held if one.drawn is not None]
    numbered = sampled if len(view.sampled) <= MOST_NUMBERS else []
    if _has_dots(view):
        dots = [inside(view, one, along=0.25 if one in numbered else 0.5) for one in held if one.n_minor]
        x, y = [at[0] for at in dots], [at[1] for at in dots]
        axes.scatter(x, y, s=15, facecolor="white", edgecolor="black", linewidths=0.9, zorder=4)
    outline(axes, view, sampled, SAMPLED, 2.4)
    for one in numbered:
        at = inside(view, one, along=0.6 if one.n_minor else 0.5)
        number_badge(axes, at, str(one.drawn), 8.5, beside=is_narrow(view))
    frame(axes, 1.03 * reach_m)


def _has_dots(view: SamplingView) -> bool:
    return view.shape[0] * view.shape[1] <= MOST_DOTS


def _draw_key(figure: SubFigure, view: SamplingView) -> None:
    """Say what outline, dot and hatching mean."""
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    order = ", in this order" if len(view.sampled) <= MOST_NUMBERS else ""
    dot: dict[str, Any] = {"marker": "o", "markersize": 4.5, "markerfacecolor": "white", "markeredgecolor": "black"}
    handles: list[Patch | Line2D] = [
        Patch(facecolor="none", edgecolor=SAMPLED, linewidth=2.4, label=f"sampled{order}"),
        Patch(facecolor="white", edgecolor=HATCH, hatch="////", linewidth=0, label="holds no voxel: never drawn"),
    ]
    if _has_dots(view):
        handles.insert(1, Line2D([], [], linestyle="", label=f"holds a {UNIT_TEXT[view.settings.minor_unit]}", **dot))
    figure.legend(handles=handles, loc="lower center", bbox_to_anchor=(0.45, 0), ncols=3, frameon=False, fontsize=10.5)
