"""What the sampler of PVD makes of a scan, in words and as a table."""

from __future__ import annotations

from collections.abc import Sequence

from harness.inspect.view import SamplingView, Supervoxel

MOST_ROWS = 12
"""Supervoxels in the table, unless more are sampled."""

UNIT_TEXT = {"voxels": "minority voxel", "points": "minority point", "classes": "minority class"}


def sampling_text(view: SamplingView) -> str:
    """Return what is shown, two sentences on what is preferred, and the table of the likeliest supervoxels."""
    rows = [[*map(str, row)] for row in _rows(view)]
    widths = [max(map(len, column)) for column in zip(*(row[:-1] for row in rows), strict=True)]
    table = ["  ".join([*(map(str.rjust, row, widths)), row[-1]]) for row in rows]
    listed, every = len(rows) - 1, len(view.supervoxels)
    left_out = [f"and {every - listed} more occupied supervoxels"] if listed < every else []
    return "\n".join([f"{title(view)}: {subtitle(view)}", _rarity(view), *preferences(view), "", *table, *left_out])


def title(view: SamplingView) -> str:
    """Say what was sampled, for the first line of a text or a picture."""
    return f"Supervoxels of scan {view.scan} and the {len(view.sampled)} that PVD samples"


def subtitle(view: SamplingView) -> str:
    """Say under which settings."""
    moment = view.moment
    size = "" if moment.voxel_size_m is None else f" of {moment.voxel_size_m:g} m"
    look = "as in its file" if moment.augmentation is None else "augmented as in training"
    draw = f"sampler {view.settings.sampler}, seed {moment.seed}, epoch {moment.epoch}"
    return f"{draw}, {look}, voxels{size} for {moment.backbone}"


def preferences(view: SamplingView) -> list[str]:
    """Say in sentences how far rare classes and far supervoxels are preferred in this scan."""
    occupied, held = len(view.supervoxels), view.by_minority[1]
    verb = "holds" if held.supervoxels == 1 else "hold"
    sentences = [
        f"{held.supervoxels} of {occupied} occupied supervoxels {verb} a {UNIT_TEXT[view.settings.minor_unit]} and "
        f"{100 * held.chance:.0f} % of the chance to be drawn first."
    ]
    if len(view.by_ring) > 1:
        far = view.by_ring[-1]
        sentences.append(
            f"The outermost ring holds {100 * far.share:.0f} % of the occupied supervoxels and "
            f"{100 * far.chance:.0f} % of the chance."
        )
    return sentences


def height_text(edges: Sequence[float], number: int) -> str:
    """Name the layer `number`, from 1, by its heights; the lowest and the highest have no other end."""
    low, high, last = edges[number - 1], edges[number], len(edges) - 1
    if last == 1:
        return "all heights"
    if number == 1:
        return f"below {_signed(high)} m"
    return f"above {_signed(low)} m" if number == last else f"{_signed(low)} to {_signed(high)} m"


def _signed(value: float) -> str:
    return f"{value:.2f}".replace("-", "−")


def _rarity(view: SamplingView) -> str:
    """Say which classes are minority classes, and over which scans that was counted."""
    copy = " (synthetic)" * view.data.synthetic + " (a partial copy)" * view.data.partial
    share = f"less than {100 * view.settings.minor_share:g} % of the labelled points"
    names = ", ".join(view.minority_classes) or "none"
    return f"Minority classes, {share} of {view.data.scans} training scans{copy}: {names}."


def _rows(view: SamplingView) -> list[list[object]]:
    """Return the table's head and its rows: the sampled ones in the order drawn, then the likeliest others."""
    head = ["drawn", "ring", "sector", "layer", "outer arc m", "points", "voxels", "N_minor", "P %"]
    counted = ["drawn first %", "sampled %"] if view.epochs > 1 else []
    others = sorted((one for one in view.supervoxels if one.drawn is None), key=lambda one: -one.probability)
    chosen = [*view.sampled, *others[: max(0, MOST_ROWS - len(view.sampled))]]
    return [[*head, *counted, "minority voxels"], *(_row(one, view.epochs) for one in chosen)]


def _row(one: Supervoxel, epochs: int) -> list[object]:
    counts = [f"{100 * n / epochs:.2f}" for n in (one.epochs_first, one.epochs_sampled)] if epochs > 1 else []
    content = ", ".join(f"{name} {count}" for name, count in one.minority_voxels.items()) or "–"
    place = (one.drawn or "–", one.ring, one.sector, one.layer, f"{one.outer_arc_m:.1f}")
    return [*place, one.points, one.voxels, one.n_minor, f"{100 * one.probability:.2f}", *counts, content]
