"""Bird's-eye picture of a labelled scan."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from harness.data.labels import LabelMap
from harness.data.palette import palette
from harness.errors import HarnessError
from harness.files import replacing

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_INCHES, _DPI = (10.0, 8.0), 120
Shade = tuple[float, float, float]


def draw_scan(xyz: np.ndarray, labels: np.ndarray, label_map: LabelMap, path: Path, title: str) -> Path:
    """Draw a scan in the colours of its train ids and return the picture's path.

    Args:
        xyz: float [N, 3], metres.
        labels: integer [N], true or predicted train ids.
        label_map: the task's classes.
        path: the PNG to write.
        title: shown above the picture.
    """
    render_birdseye(xyz, labels, palette(label_map.names), dict(enumerate(label_map.names)), path, title)
    return path


def render_birdseye(
    xyz: np.ndarray,
    classes: np.ndarray,
    colours: Mapping[int, tuple[int, int, int]],
    names: Mapping[int, str],
    path: Path,
    title: str,
    extent_m: float = 50.0,
) -> None:
    """Draw a scan from above as a PNG, forward to the top, with a legend of the classes in view.

    Higher points are drawn over lower ones.

    Args:
        xyz: float [N, 3], metres; x forward, y left, z up.
        classes: integer [N], class of each point.
        colours: class id to (red, green, blue) from 0 to 255. names: class id to its name.
        path: the PNG to write; it appears complete or not at all.
        title: shown above the picture.
        extent_m: half the side of the square that is shown.

    Raises:
        ValueError: the shapes do not fit.
        HarnessError: a class in view has no colour or no name, or the file cannot be written.
    """
    if xyz.ndim != 2 or xyz.shape[1] != 3 or classes.shape != (len(xyz),):
        raise ValueError(f"points {xyz.shape} and classes {classes.shape} do not fit")
    inside = np.flatnonzero(np.abs(xyz[:, :2]).max(axis=1, initial=0.0) <= extent_m)
    order = inside[np.argsort(xyz[inside, 2], kind="stable")]
    shades = _shades(np.unique(classes[order]).tolist(), colours, names)
    figure = _figure(xyz[order], classes[order], shades, names, title, extent_m)
    with replacing(path) as file:
        figure.savefig(file, format="png", bbox_inches="tight")


def _shades(
    present: Sequence[int], colours: Mapping[int, tuple[int, int, int]], names: Mapping[int, str]
) -> dict[int, Shade]:
    """Return the colour of each class in view, 0 to 1."""
    if missing := [value for value in present if value not in colours or value not in names]:
        found, expected = f"class ids {missing} without colour or name", "a colour and a name for each"
        raise HarnessError("classes", found, expected, "Complete the palette and the names.")
    return {value: (red / 255, green / 255, blue / 255) for value in present for red, green, blue in [colours[value]]}


def _figure(
    xyz: np.ndarray,
    classes: np.ndarray,
    shades: Mapping[int, Shade],
    names: Mapping[int, str],
    title: str,
    extent_m: float,
) -> "Figure":
    """Draw points in their order, with the sensor and a legend."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

    table = np.zeros((max(shades, default=0) + 1, 3))
    for value, shade in shades.items():
        table[value] = shade
    figure = Figure(figsize=_INCHES, dpi=_DPI, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.scatter(-xyz[:, 1], xyz[:, 0], s=0.9, c=table[classes], linewidths=0, rasterized=True)
    axes.plot(0, 0, marker="^", color="black", markersize=9)
    axes.set(
        xlim=(-extent_m, extent_m),
        ylim=(-extent_m, extent_m),
        aspect="equal",
        title=title,
        xlabel="to the right of the sensor, metres",
        ylabel="ahead of the sensor, metres",
    )
    handles = [Line2D([], [], marker="s", linestyle="", color=shade, label=names[v]) for v, shade in shades.items()]
    figure.legend(handles=handles, loc="outside right upper", frameon=False)
    return figure
