"""The sampled supervoxels in words, under the scan."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from harness.inspect.view import SamplingView, Supervoxel
from harness.report.sampling.style import INK, SAMPLED, SOFT_INK, heading
from harness.report.sampling.text import height_text

if TYPE_CHECKING:
    from matplotlib.figure import SubFigure

MOST_LINES, MOST_CHARACTERS = 6, 48
_COLUMNS = (0.025, 0.06, 0.36, 0.46, 0.55)
_HEAD = ("", "ring, layer", "P", "voxels", "of these of minority classes")


def draw_listing(figure: SubFigure, view: SamplingView) -> None:
    """Fill a part of a figure with a line for each of the first supervoxels drawn."""
    sampled, lines = view.sampled, view.sampled[:MOST_LINES]
    more = "" if len(sampled) == len(lines) else f": the first {len(lines)} of {len(sampled)}"
    heading(figure, f"Sampled, in the order drawn{more}", "")
    rows = [_HEAD, *(_cells(view, one) for one in lines)]
    for number, (place, *cells) in enumerate(rows):
        y = 0.75 - 0.115 * number
        figure.text(_COLUMNS[0], y, place, fontsize=10.5, fontweight="bold", color=SAMPLED, va="center")
        for x, cell in zip(_COLUMNS[1:], cells, strict=True):
            figure.text(x, y, cell, fontsize=10.5, color=INK if number else SOFT_INK, va="center")


def _cells(view: SamplingView, one: Supervoxel) -> tuple[str, ...]:
    rare = sorted(one.minority_voxels.items(), key=lambda item: -item[1])
    names = ", ".join(f"{name} {count}" for name, count in rare) or "none"
    where = f"{one.ring}, {one.layer} ({height_text(view.edges['layer_m'], one.layer)})"
    names = textwrap.shorten(names, MOST_CHARACTERS, placeholder=" …")
    return str(one.drawn), where, f"{100 * one.probability:.2f} %", str(one.voxels), names
