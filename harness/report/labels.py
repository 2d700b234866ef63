"""What a row is called beside the others of its group."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

from harness.report.facts import method_facts, spec_facts, usual_facts
from harness.report.flat import as_text
from harness.report.rows import Row
from harness.spec import TtaSpec

MOST_LISTED = 6
"""Views along one axis that a label names one by one."""

UNKNOWN = "unknown"
"""Shown for a setting that a cell of another version does not have."""


def label_rows(members: Sequence[Row]) -> None:
    """Name the rows of a group; rows that would share a name also say their settings that differ and are no default."""
    named: dict[str, list[Row]] = {}
    for row in members:
        gain = "" if row.plain or row.spec.role == "teacher" else f" + {row.spec.method.label}"
        seen = "" if row.tta is None else f" + TTA, {_views(row.tta)}"
        row.label = f"{row.spec.role} {row.spec.backbone.width:g}×{gain}{seen}"
        named.setdefault(row.label, []).append(row)
    for twins in named.values():
        if len(twins) > 1:
            _tell_apart(twins)


def _tell_apart(twins: Sequence[Row]) -> None:
    settings = [method_facts(row.spec) | spec_facts(row.spec) for row in twins]
    keys = sorted(set().union(*settings))
    differing = [key for key in keys if len({other.get(key) for other in settings}) > 1]
    for row, own in zip(twins, settings, strict=True):
        usual = usual_facts(row.spec)
        telling = [key for key in differing if own.get(key) != usual.get(key)]
        if telling:
            row.label += f" ({', '.join(f'{key}={own.get(key, UNKNOWN)}' for key in telling)})"
        elif not differing:
            row.label += f" (teacher {row.spec.teacher})"


def _views(tta: TtaSpec) -> str:
    """Say how a scan is seen: ``4 views (flip none x y xy)``; what leaves every view as it is is not named."""
    parts = {
        "flip": " ".join(tta.flip),
        "rotated": _listed(tta.rotate_deg, "°"),
        "scaled": _listed(tta.scale),
    }
    shown = ", ".join(f"{name} {values}" for name, values in parts.items() if values not in ("none", "0°", "1"))
    return f"{tta.views} {'view' if tta.views == 1 else 'views'}" + (f" ({shown})" if shown else "")


def _listed(values: Sequence[float], unit: str = "") -> str:
    """Name a few values; of many their ends, and a hash unless all steps between them are the same."""
    texts = [as_text(value) + unit for value in values]
    if len(texts) <= MOST_LISTED:
        return " ".join(texts)
    step = (values[-1] - values[0]) / (len(values) - 1)
    even = [as_text(float(f"{values[0] + step * place:.12g}")) + unit for place in range(len(values))]
    told = "" if texts == even else f", SHA-256 {sha256(' '.join(texts).encode()).hexdigest()[:8]}"
    return f"in {len(texts)} ways from {texts[0]} to {texts[-1]}{told}"
