"""Bars that compare how many of the supervoxels a group holds with how much of the chance it holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.inspect.view import GroupShare, SamplingView
from harness.report.sampling.style import CHANCE, INK, MARGIN, NUMBER, heading
from harness.report.sampling.text import UNIT_TEXT

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import SubFigure

MOST_BANDS = 4
"""Pairs of bars for the rings: more rings are shown as bands of neighbours."""
BAR = 0.43
MINORITY_AT = (0.0, 1.3)
RINGS_FROM = 3.0


def draw_shares(figure: SubFigure, view: SamplingView) -> None:
    """Fill a part of a figure with a pair of bars for those with and without a rare class, and for each ring."""
    heading(figure, "What is preferred", "Blue above grey: drawn more often than at random.")
    axes = figure.add_axes((MARGIN, 0.2, 0.86, 0.46))
    unit, bands = UNIT_TEXT[view.settings.minor_unit], ring_bands(view)
    groups = [(share, f"{share.group} a\n{unit}") for share in reversed(view.by_minority)] + bands
    at = [*MINORITY_AT, *(RINGS_FROM + number for number in range(len(bands)))]
    for x, (share, _) in zip(at, groups, strict=True):
        _draw_pair(axes, x, share)
    axes.set_xticks(at, [name for _, name in groups], fontsize=10, color=INK)
    axes.tick_params(axis="x", length=0)
    highest = max(max(share.share, share.chance) for share, _ in groups)
    axes.set(yticks=[], xlim=(-0.6, max(at[-1], RINGS_FROM + 3) + 0.6), ylim=(0, 1.12 * highest))
    axes.spines[["top", "left", "right"]].set_visible(False)
    handles, _ = axes.get_legend_handles_labels()
    names = ("share of the occupied supervoxels", "share of the chance to be drawn first")
    figure.legend(handles[:2], names, loc="upper right", bbox_to_anchor=(0.9, 1.02), frameon=False, fontsize=10.5)


def ring_bands(view: SamplingView) -> list[tuple[GroupShare, str]]:
    """Return the shares of the rings, or of bands of as many neighbours as there must be, with their names."""
    per, arcs = -(-len(view.by_ring) // MOST_BANDS), view.edges["ring_m"][1:]
    bands = []
    for start in range(0, len(view.by_ring), per):
        rings = view.by_ring[start : start + per]
        first, last = rings[0].group, rings[-1].group
        share = GroupShare(
            group=first if first == last else f"{first}–{last}",
            supervoxels=sum(ring.supervoxels for ring in rings),
            share=sum(ring.share for ring in rings),
            chance=sum(ring.chance for ring in rings),
        )
        bands.append((share, f"ring{'s' * (first != last)} {share.group}\nto {arcs[start + len(rings) - 1]:.1f} m"))
    return bands


def _draw_pair(axes: Axes, x: float, share: GroupShare) -> None:
    """Draw the two shares of a group beside each other, with their values."""
    for side, value, colour in ((-0.5, share.share, NUMBER), (0.5, share.chance, CHANCE)):
        axes.bar(x + side * BAR, value, BAR, color=colour, label=colour)
        axes.text(x + side * BAR, value, f"{100 * value:.0f} %", fontsize=9, ha="center", va="bottom", color=INK)
