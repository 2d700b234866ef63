"""Colours and symbols that the parts of the picture share; orange and blue stay apart for every kind of sight."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import SubFigure

SAMPLED = "#d55e00"
CHANCE = "#1f66ad"
NUMBER = "#b4bac3"
BORDER = "#7d838c"
POINT = "#b3b9c1"
HATCH = "#c9cdd3"
INK = "#22262b"
SOFT_INK = "#4b525b"
MARGIN = 0.02
"""Of each half of the picture, left and right."""


def heading(figure: SubFigure, text: str, explained: str) -> None:
    """Write the title of a part of the picture at its top, and below it a line on how to read it."""
    figure.text(MARGIN, 0.995, text, fontsize=13, fontweight="bold", color=INK, va="top")
    figure.text(MARGIN, 0.995, f"\n\n{explained}", fontsize=10.5, color=SOFT_INK, va="top", linespacing=1.0)


def number_badge(axes: Axes, at: tuple[float, float], text: str, size: float, beside: bool) -> None:
    """Write places in the order of the draws, white on the colour of what is sampled, at a place or just beside it."""
    box: dict[str, Any] = {"boxstyle": "round,pad=0.28,rounding_size=0.7", "facecolor": SAMPLED, "edgecolor": "white"}
    style: dict[str, Any] = {"color": "white", "fontsize": size, "fontweight": "bold", "zorder": 7}
    offset = (1.3 * size, 1.1 * size) if beside else (0, 0)
    axes.annotate(text, at, offset, textcoords="offset points", ha="center", va="center", bbox=box, **style)
