"""The scan from above: where its rare classes are, and over what the sampled supervoxels stand."""

from __future__ import annotations

from itertools import cycle
from typing import TYPE_CHECKING, Any

import numpy as np

from backbones.points import PointBatch
from harness.data.palette import COLOUR_OF_CLASS
from harness.inspect.view import SamplingView, Supervoxel
from harness.report.sampling.polar import draw_borders, frame, inside, is_narrow, outline, place
from harness.report.sampling.style import BORDER, INK, POINT, SAMPLED, SOFT_INK, heading, number_badge

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import SubFigure

WIDE_LABEL = 22
"""Characters of a label in the legend from which three columns fit beside each other, instead of four."""
MARKERS = "o^sDvPX*<>ph"
MOST_NUMBERS = 24
"""Sampled supervoxels up to which the plan repeats their numbers."""
MOST_ARCS = 8
"""Rings up to which each arc says its distance."""


def draw_plan(figure: SubFigure, view: SamplingView, points: PointBatch) -> None:
    """Fill a part of a figure with the scan, the borders of the supervoxels and a legend of the rare classes."""
    heading(
        figure,
        "The scan from above",
        "Minority classes in colour, all others grey. A sampled supervoxel is one layer of the area outlined.",
    )
    axes = figure.add_axes((0, 0, 1, 1))
    labels = _draw_points(axes, view, points)
    columns, size = (4, 10.5) if max(map(len, labels), default=0) <= WIDE_LABEL else (3, 9.5)
    lines = max(1, -(-len(labels) // columns))
    axes.set_position((0.01, 0.012 + 0.028 * lines, 0.98, 0.918 - 0.028 * lines))
    draw_borders(axes, view, BORDER, 0.8)
    outline(axes, view, view.sampled, SAMPLED, 2.6)
    if len(view.sampled) <= MOST_NUMBERS:
        _number(axes, view)
    _draw_distances(axes, view)
    axes.plot(0, 0, marker="^", color=INK, markersize=9, zorder=6)
    frame(axes, 1.06 * view.edges["ring_m"][-1])
    note: dict[str, Any] = {"fontsize": 9.5, "color": SOFT_INK, "ha": "right", "transform": axes.transAxes}
    axes.text(1, 0.01, "Farther points count\nin the outermost ring.", **note)
    if labels:
        look: dict[str, Any] = {"frameon": False, "fontsize": size, "markerscale": 1.8, "handletextpad": 0.2}
        figure.legend(loc="lower center", ncols=columns, **look)
    else:
        figure.text(0.5, 0.02, "No point of a minority class in this scan.", fontsize=10.5, ha="center")


def _draw_points(axes: Axes, view: SamplingView, points: PointBatch) -> list[str]:
    """Draw the rare points, in the colours of their classes, over all others; return the labels of the classes."""
    if points.labels is None:
        raise ValueError("the picture tells classes apart, and this scan has no labels")
    labels, names = points.labels.numpy(), list(view.data.class_points)
    right, ahead = -points.xyz[:, 1].numpy(), points.xyz[:, 0].numpy()
    rare = [names.index(name) for name in view.minority_classes]
    common = ~np.isin(labels, rare)
    axes.scatter(right[common], ahead[common], s=0.6, color=POINT, linewidths=0, rasterized=True)
    present = [(class_id, marker) for class_id, marker in zip(rare, cycle(MARKERS)) if (labels == class_id).any()]
    shown = []
    for class_id, marker in present:
        rows = labels == class_id
        look: dict[str, Any] = {"marker": marker, "linewidths": 0, "zorder": 3}
        axes.scatter(right[rows], ahead[rows], s=32, color=INK, **look)  # a rim around clusters, not around each point
        colour, label = np.asarray(COLOUR_OF_CLASS[names[class_id]]) / 255, f"{names[class_id]}: {rows.sum()} points"
        shown.append(label)
        axes.scatter(right[rows], ahead[rows], s=15, color=colour, label=label, **look)
    return shown


def _number(axes: Axes, view: SamplingView) -> None:
    """Write the numbers of the supervoxels sampled from each column of layers near its outer arc."""
    columns: dict[tuple[int, int], list[Supervoxel]] = {}
    for one in view.sampled:
        columns.setdefault((one.ring, one.sector), []).append(one)
    for held in columns.values():
        numbers = " ".join(str(one.drawn) for one in held)
        number_badge(axes, inside(view, held[0], across=0.8), numbers, 11, beside=is_narrow(view))


def _draw_distances(axes: Axes, view: SamplingView) -> None:
    """Write its distance on each arc, along the border of two sectors."""
    arcs = view.edges["ring_m"][1:]
    for radius_m in arcs if len(arcs) <= MOST_ARCS else arcs[-1:]:
        x, y = place(radius_m, view.edges["sector_rad"][0])
        box = {"facecolor": "white", "edgecolor": "none", "pad": 1.0, "alpha": 0.85}
        axes.text(x, y, f"{radius_m:.1f} m", fontsize=9.5, color=SOFT_INK, ha="center", va="center", bbox=box, zorder=6)
