"""Picture of a data set's statistics: its classes, ranges, scans, and what they cost a network."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from harness.data.statistics import DataStatistics, Histogram
from harness.files import replacing

if TYPE_CHECKING:
    from matplotlib.axes import Axes

INCHES, DPI = (12.0, 8.6), 110
BAR, FIRST, SECOND = "#56789a", "#0072b2", "#d55e00"
"""Blue and vermilion of the palette by Okabe and Ito, which stay apart for every kind of colour vision."""
MARKED = (("p50", "half"), ("p95", "95 %"))
"""Percentiles of the range that are marked, and how they are called."""


def draw_statistics(result: DataStatistics, path: Path) -> Path:
    """Draw the statistics of a split in four panels and return the picture's path.

    Args:
        result: of one split.
        path: the PNG to write; it appears complete or not at all.

    Raises:
        HarnessError: the file cannot be written.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(INCHES, dpi=DPI, layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(_title(result), fontsize=11, parse_math=False)
    grid = figure.add_gridspec(3, 2, width_ratios=(1.0, 1.15), height_ratios=(1.0, 0.8, 1.2))
    _draw_classes(figure.add_subplot(grid[:, 0]), result)
    for row, draw in enumerate((_draw_ranges, _draw_scans, _draw_levels)):
        draw(figure.add_subplot(grid[row, 1]), result)
    with replacing(path) as file:
        figure.savefig(file, format="png")
    return path


def _title(result: DataStatistics) -> str:
    kind = ", synthetic" if result.synthetic else ""
    scans = f"{result.scans} scans"
    if result.scans < result.scans_found:
        scans = f"{result.scans} of {result.scans_found} scans, evenly spaced"
    return f"{result.dataset}{kind}, {result.split} split: {scans}, {result.points:,} points"


def _draw_classes(axes: Axes, result: DataStatistics) -> None:
    """Share of the points of each class, on a logarithmic axis; a class without a point has no bar."""
    _style(axes, "points by class", "share of all points, %")
    if not result.class_shares:
        axes.text(0.5, 0.5, "no labels in this split", ha="center", va="center", transform=axes.transAxes)
        axes.set_axis_off()
        return
    names = list(result.class_shares)
    percent = np.array([100 * share for share in result.class_shares.values()])
    least = 10.0 ** np.floor(np.log10(percent[percent > 0].min()))
    rows = range(len(names))
    axes.barh(np.array(rows), np.where(percent > 0, percent - least / 10, 0), left=least / 10, color=BAR, height=0.72)
    for row, value in zip(rows, percent.tolist(), strict=True):
        axes.text(max(value, least / 10) * 1.15, row, _percent(value), va="center", fontsize=7, color="#333333")
    axes.set(xscale="log", xlim=(least / 10, 300), ylim=(len(names) - 0.4, -0.6))
    axes.set_yticks(rows, names)
    axes.xaxis.set_major_formatter(lambda value, place: f"{value:g}")
    axes.grid(axis="y", visible=False)


def _draw_ranges(axes: Axes, result: DataStatistics) -> None:
    """Share of the points at each metre from the sensor."""
    _style(axes, "distance to the sensor", "metres")
    _fill(axes, result.range_histogram, 100 / result.points)
    axes.set(ylabel="% of points per metre", xlim=(0, result.range_histogram.edges[-1]), ylim=(0, None))
    top = axes.get_ylim()[1]
    for key, name in MARKED:
        metres = result.range_m[key]
        axes.axvline(metres, color=SECOND, linewidth=1.0, linestyle="--")
        axes.text(metres, top * 0.97, f" {name} within {metres:.1f} m", fontsize=7, color=SECOND, va="top")


def _draw_scans(axes: Axes, result: DataStatistics) -> None:
    """How many scans have how many points."""
    from matplotlib.ticker import MaxNLocator

    _style(axes, "points per scan", "thousand points")
    histogram = result.points_histogram
    thousands = Histogram(edges=tuple(edge / 1000 for edge in histogram.edges), counts=histogram.counts)
    _fill(axes, thousands, 1.0)
    axes.set(ylabel="scans", ylim=(0, None))
    axes.yaxis.set_major_locator(MaxNLocator(4, integer=True))


def _draw_levels(axes: Axes, result: DataStatistics) -> None:
    """Mean voxels and pairs of each resolution, with the pairs a voxel has, and Cylinder3D's cells beside them."""
    from matplotlib.ticker import LogLocator, NullFormatter

    _style(axes, "voxels and 3×3×3 pairs per scan", "edge of a voxel, metres")
    places = np.arange(len(result.levels))
    voxels = [level.voxels_per_scan.mean / 1000 for level in result.levels]
    pairs = [level.pairs_per_scan.mean / 1000 for level in result.levels]
    cells = result.cylinder_cells_per_scan.mean / 1000
    axes.plot(places, pairs, color=SECOND, marker="s", markersize=5, label="pairs")
    axes.plot(places, voxels, color=FIRST, marker="o", markersize=5, label="voxels")
    axes.axhline(cells, color="#777777", linewidth=1.0, linestyle=":", label=f"cylinder cells: {cells:.1f} k")
    for place, level, height in zip(places, result.levels, pairs, strict=True):
        text = f"{level.pairs_per_voxel:.1f} a voxel"
        axes.annotate(text, (place, height), (5, 5), textcoords="offset points", fontsize=7, color=SECOND)
    axes.set(yscale="log", ylabel="thousands", xlim=(-0.3, len(places) - 0.4))
    axes.set_ylim(top=axes.get_ylim()[1] * 1.5)
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.set_xticks(places, [f"{level.voxel_size_m:g}" for level in result.levels])
    axes.yaxis.set_major_formatter(lambda value, place: f"{value:g}")
    axes.legend(fontsize=7, frameon=False, loc="lower left")


def _fill(axes: Axes, histogram: Histogram, scale: float) -> None:
    axes.stairs(np.array(histogram.counts) * scale, np.array(histogram.edges), fill=True, color=BAR)


def _style(axes: Axes, title: str, label: str) -> None:
    axes.set_title(title, loc="left", fontsize=9, fontweight="bold")
    axes.set_xlabel(label, fontsize=8)
    axes.yaxis.label.set_fontsize(8)
    axes.tick_params(labelsize=8)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(color="#e6e6e6", linewidth=0.6)
    axes.set_axisbelow(True)


def _percent(value: float) -> str:
    return "none" if value == 0 else f"{value:.3g} %"
