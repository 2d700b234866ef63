"""Parts of the picture drawn alone, and the colours at places of their maps."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure, SubFigure


class Canvas:
    """A rendered part of a picture."""

    def __init__(self, draw: Callable[[SubFigure], None]) -> None:
        figure = Figure(figsize=(8, 8), dpi=100)
        canvas = FigureCanvasAgg(figure)
        self.part = figure.add_subfigure(figure.add_gridspec(1, 1)[0])
        draw(self.part)
        canvas.draw()
        self.pixels = np.asarray(canvas.buffer_rgba())[..., :3] / 255.0

    def at(self, axes: Axes, place: tuple[float, float]) -> np.ndarray:
        """The colour, 0–1, at a place given in the axes' own units."""
        column, row = np.rint(axes.transData.transform(place)).astype(int)
        return self.pixels[len(self.pixels) - 1 - row, column]

    def share(self, colour: str, axes: Axes | None = None) -> float:
        """Share of the pixels, of all or of those inside some axes, that have nearly this colour."""
        pixels = self.pixels
        if axes is not None:
            left, low, right, high = np.rint(axes.bbox.extents).astype(int)
            pixels = pixels[len(pixels) - high : len(pixels) - low, left:right]
        return float((np.abs(pixels - to_rgb(colour)).max(axis=2) < 0.06).mean())

    def texts(self) -> str:
        """All words of the part."""
        return "\n".join(text.get_text() for text in self.part.findobj(lambda artist: hasattr(artist, "get_text")))
