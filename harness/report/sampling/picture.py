"""A picture of one draw of PVD: the scan and its rare classes, the chance of every supervoxel, and the sampled ones."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from backbones.points import PointBatch
from harness.files import replacing
from harness.inspect.view import SamplingView
from harness.report.sampling.layers import draw_layers
from harness.report.sampling.listing import draw_listing
from harness.report.sampling.plan import draw_plan
from harness.report.sampling.shares import draw_shares
from harness.report.sampling.style import INK, MARGIN, SOFT_INK
from harness.report.sampling.text import preferences, subtitle, title

if TYPE_CHECKING:
    from matplotlib.figure import FigureBase, SubFigure

_INCHES, _DPI = (17.0, 10.9), 110
_HALVES = (8.2, 8.8)


def draw_sampling(view: SamplingView, points: PointBatch, path: Path) -> Path:
    """Draw what the sampler makes of a scan as a PNG and return its path.

    Left the scan from above, its minority classes in colour; right a map of P for each layer, and how much of the
    chance far and rare supervoxels have. The sampled ones are outlined, and numbered in the order drawn.

    Args:
        view: of `harness.inspect.sampling.view_sampling`.
        points: the labelled points of the scan that was viewed.
        path: the PNG to write; it appears complete or not at all.

    Raises:
        HarnessError: the file can't be written.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=_INCHES, dpi=_DPI, facecolor="white")
    FigureCanvasAgg(figure)
    head, body = _parts(figure, heights=(1.15, 9.75))
    x = MARGIN * _HALVES[0] / sum(_HALVES)
    head.text(x, 0.76, title(view), fontsize=18, fontweight="bold", color=INK, va="center")
    head.text(x, 0.44, subtitle(view), fontsize=11, color=SOFT_INK, va="center")
    head.text(x, 0.19, " ".join(preferences(view)), fontsize=11, color=INK, va="center")
    left, right = _parts(body, widths=_HALVES)
    plan, listing = _parts(left, heights=(7.9, 1.85))
    layers, shares = _parts(right, heights=(7.45, 2.3))
    draw_plan(plan, view, points)
    draw_listing(listing, view)
    draw_layers(layers, view)
    draw_shares(shares, view)
    with replacing(path) as file:
        figure.savefig(file, format="png")
    return path


def _parts(figure: FigureBase, heights: Sequence[float] = (1,), widths: Sequence[float] = (1,)) -> list[SubFigure]:
    """Cut a figure into parts of these proportions, row by row."""
    grid = figure.add_gridspec(
        len(heights), len(widths), height_ratios=heights, width_ratios=widths, wspace=0, hspace=0
    )
    return [figure.add_subfigure(grid[row, column]) for row in range(len(heights)) for column in range(len(widths))]
