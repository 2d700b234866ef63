"""Picture of a training: every loss term over the steps, and the learning rate."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.files import replacing
from harness.report.numbers import short

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PANEL_INCHES, DPI = (4.4, 2.5), 110
COLUMNS = (3, 4)
"""Panels side by side: whichever leaves fewer places empty."""
LOG_RATIO = 20.0
"""A term whose smoothed values differ by more than this factor is drawn on a logarithmic scale."""
MOST_TICKS = 8
RAW, SMOOTH, RATE = "#a9c4e0", "#1f4e8c", "#8a8a8a"


def draw_curves(rows: Sequence[Mapping[str, Any]], path: Path, title: str) -> Path:
    """Draw a panel for each loss term and one for the learning rate, and return the picture's path.

    Every panel has a scale of its own, since the terms of one training differ by factors of a thousand: each step is a
    light line, and the mean of the steps around it a dark one.

    Args:
        rows: of metrics.jsonl, at least one: ``step`` and ``epoch`` counted from 0, ``lr``, and ``terms`` by name. A
            term may be absent from some steps.
        path: the PNG to write; it appears complete or not at all.
        title: shown above the panels.

    Raises:
        ValueError: there are no rows.
        HarnessError: the file cannot be written.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    if not rows:
        raise ValueError("no steps to draw")
    names = list(dict.fromkeys(name for row in rows for name in row["terms"]))
    panels = len(names) + 1
    columns = min(panels, min(COLUMNS, key=lambda columns: -panels % columns))
    shape = math.ceil(panels / columns), columns
    figure = Figure((columns * PANEL_INCHES[0], shape[0] * PANEL_INCHES[1] + 0.6), dpi=DPI, layout="constrained")
    FigureCanvasAgg(figure)
    window = window_of(len(rows))
    figure.suptitle(f"{title}\n{_caption(rows, window)}", fontsize=10, parse_math=False)
    axes = figure.subplots(*shape, squeeze=False).flat
    for name, panel in zip(names, axes, strict=False):
        present = [row for row in rows if name in row["terms"]]
        own = window * len(present) // len(rows) | 1
        _draw_term(panel, name, _steps(present), np.array([row["terms"][name] for row in present]), own)
    _draw_rate(axes[len(names)], rows)
    for panel in axes[:panels]:
        _mark_epochs(panel, rows)
    for panel in axes[panels:]:
        panel.remove()
    with replacing(path) as file:
        figure.savefig(file, format="png")
    return path


def smooth(values: np.ndarray, window: int) -> np.ndarray:
    """Return the mean of the values around each, as many as there are in a window of that odd length; float [N]."""
    window = min(window, len(values) - (len(values) + 1) % 2)
    ones = np.ones(window)
    return np.convolve(values, ones, "same") / np.convolve(np.ones(len(values)), ones, "same")


def window_of(steps: int) -> int:
    """Return how many steps are smoothed over: an odd number, about a twenty-fifth of all."""
    return min(max(5, steps // 25 | 1), 999)


def _draw_term(axes: Axes, name: str, steps: np.ndarray, values: np.ndarray, window: int) -> None:
    """Draw the steps of a term and their smoothed course, with its first and last value in the panel's head."""
    course = smooth(values, window)
    axes.plot(steps, values, color=RAW, linewidth=0.7)
    axes.plot(steps, course, color=SMOOTH, linewidth=1.5, marker="o" if len(steps) == 1 else None)
    if values.min() >= 0 and course.min() > 0 and values.max() / course.min() > LOG_RATIO:
        axes.set_yscale("log", nonpositive="mask")
    _head(axes, name, course[0], course[-1])


def _draw_rate(axes: Axes, rows: Sequence[Mapping[str, Any]]) -> None:
    rates = [row["lr"] for row in rows]
    axes.plot(_steps(rows), rates, color=RATE, linewidth=1.2)
    _head(axes, "learning rate", rates[0], rates[-1])


def _head(axes: Axes, name: str, first: float, last: float) -> None:
    """Name a panel and give its first and last value, and its numbers without a common factor above them."""
    axes.set_title(name, loc="left", fontsize=9, fontweight="bold", parse_math=False)
    axes.set_title(f"{short(first)} → {short(last)}", loc="right", fontsize=8, color="#555555")
    axes.yaxis.set_major_formatter(lambda value, place: f"{value:g}")


def _mark_epochs(axes: Axes, rows: Sequence[Mapping[str, Any]]) -> None:
    """Put a tick where an epoch begins, some of them where there are many; steps where there is one epoch alone."""
    starts: dict[int, int] = {}
    for row in rows:
        starts.setdefault(row["epoch"], row["step"] + 1)
    axes.tick_params(labelsize=7)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(color="#e6e6e6", linewidth=0.6)
    axes.margins(x=0.01)
    axes.set_xlabel("step" if len(starts) == 1 else "epoch", fontsize=7)
    if len(starts) > 1:
        every = math.ceil(len(starts) / MOST_TICKS)
        shown = {epoch: step for epoch, step in starts.items() if epoch % every == 0}
        axes.set_xticks(list(shown.values()), [str(epoch + 1) for epoch in shown])


def _steps(rows: Sequence[Mapping[str, Any]]) -> np.ndarray:
    """Return the numbers of the steps, counted from 1."""
    return np.array([row["step"] + 1 for row in rows])


def _caption(rows: Sequence[Mapping[str, Any]], window: int) -> str:
    epochs = len({row["epoch"] for row in rows})
    extent = f"{len(rows)} steps, {epochs} epoch{'s' if epochs > 1 else ''}"
    return f"{extent}; light: each step, dark: mean over the {window} steps around it, with its first and last value"
