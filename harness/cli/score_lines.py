"""A score in lines for people: by class, by distance, by sequence or scene."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from harness.cli.amounts import counted

if TYPE_CHECKING:
    from harness.evaluate.stretches import SequenceScore
    from harness.spec import BandScore, ScoreResult

NONE = "–"
MOST_SEQUENCES = 12
"""That are all shown: more than SemanticKITTI's splits have; of nuScenes' scenes only the worst fit a screen."""


def score_lines(score: ScoreResult, sequences: Mapping[str, SequenceScore], head: str) -> Iterator[str]:
    """Yield the lines of a score.

    Args:
        score: to show.
        sequences: the same by sequence or scene.
        head: what was scored, behind the mean.
    """
    others = {"accuracy": score.accuracy, "fwIoU": score.fwiou}
    more = "".join(f", {name} {percent(value)}" for name, value in others.items() if value is not None)
    yield f"mIoU {percent(score.miou)}{more}  ({head})"
    yield from _table("IoU by class", score.iou, "absent, left out")
    yield from _table("mIoU by distance", {_band(band): band.miou for band in score.by_distance})
    ordered = sorted(sequences, key=lambda name: (sequences[name].miou is None, sequences[name].miou))
    shown = list(sequences) if len(sequences) <= MOST_SEQUENCES else ordered[:MOST_SEQUENCES]
    what = "scene" if all(name.startswith("scene-") for name in sequences) else "sequence"
    title = f"mIoU by {what}" + (f", worst {len(shown)} of {len(sequences)}" if len(shown) < len(sequences) else "")
    values = {f"{name}  ({counted(sequences[name].scans, 'scan')})": sequences[name].miou for name in shown}
    yield from _table(title, values)


def percent(value: float | None) -> str:
    """Return a share as a percentage; a dash where there is none."""
    return NONE if value is None else f"{100 * value:.2f} %"


def _band(band: BandScore) -> str:
    return f"{band.above_m:.0f} to {band.below_m:.0f} m  ({counted(band.points, 'point')})"


def _table(title: str, values: Mapping[str, float | None], none: str = NONE) -> Iterator[str]:
    if not values:
        return
    width = max(map(len, values))
    yield f"{title}:"
    for name, value in values.items():
        yield f"  {name:{width}s}  {none if value is None else percent(value):>8s}"
