"""From cells to rows: which cells share a row, what a row is called, and which rows can be compared."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence

from harness.report.facts import card_facts, differences, merge, method_facts, sharing, spec_facts, usual_facts
from harness.report.rows import Row
from harness.report.statistics import paired_difference
from harness.spec import CellResult, CellSpec, TtaSpec

MOST_LISTED = 6
"""Views along one axis that a label names one by one."""

UNKNOWN = "unknown"
"""Shown for a setting that a cell of another version does not have."""


def build_rows(results: Iterable[CellResult], planned: Sequence[CellSpec] = ()) -> list[Row]:
    """Sort cells into rows, compute the paired gains and note what is not comparable.

    Args:
        results: of any cells, finished and failed.
        planned: cells that should have a result; those without one stand in the table as missing.

    Returns:
        Rows by group; in a group the teachers, the plain students and the methods, these in the order given.
    """
    cells: dict[str, tuple[CellSpec, CellResult | None]] = {spec.hash: (spec, None) for spec in planned}
    cells |= {result.spec.hash: (result.spec, result) for result in results}
    specs = {identity: spec for identity, (spec, _) in cells.items()}
    wanted = {spec.hash: spec.measure.tta for spec in [*specs.values(), *planned]}
    rows: dict[str, Row] = {}
    for spec, result in cells.values():
        key = _row_key(spec, specs)
        while key in rows and spec.seed in rows[key].seeds:  # the same but for the seed of its teacher
            key += "+"
        _add(rows.setdefault(key, Row(spec)), spec, result)
        views = wanted.get(spec.hash) if result is None or result.tta is None else result.tta.settings
        if views is not None:
            seen = rows.setdefault(key + views.model_dump_json(), Row(spec, tta=views))
            _add(seen, spec, _with_tta(result))
    ordered = sorted(rows.values(), key=_order)
    for members in _split(ordered, lambda row: row.group):
        _label(members)
        _compute_gains(members)
    for members in _split(ordered, lambda row: row.spec.dataset.model_dump_json()):
        _note_differences(members)
    return ordered


def _row_key(spec: CellSpec, specs: dict[str, CellSpec]) -> str:
    """Identify a row: everything but the seeds of a cell and of its teacher."""
    teacher = specs.get(spec.teacher or "")
    seedless = spec.model_copy(update={"seed": 0, "teacher": _row_key(teacher, specs) if teacher else None})
    return seedless.hash


def _add(row: Row, spec: CellSpec, result: CellResult | None) -> None:
    if result is None:
        row.missing.append(spec.seed)
    elif result.status == "failed":
        row.failed[spec.seed] = result.reason or "no reason recorded"
    else:
        row.results[spec.seed] = result


def _with_tta(result: CellResult | None) -> CellResult | None:
    """Return a result as test-time augmentation has it: another score and card, and a cost that is not measured.

    A failed cell has failed here too; one that was evaluated without is missing.
    """
    if result is None or result.status == "failed":
        return result
    if (tta := result.tta) is None:
        return None
    card = None if result.protocol is None else result.protocol.model_copy(update={"tta": True})
    return result.model_copy(update={"score": tta.score, "protocol": card, "macs": None, "latency": None})


def _order(row: Row) -> tuple[object, ...]:
    spec = row.spec
    kind = 0 if spec.role == "teacher" else 1 if row.plain else 2
    return (row.group, kind, -spec.backbone.width)


def by_method(spec: CellSpec) -> tuple[object, ...]:
    """Return what cells are sorted by where no matrix gives an order: method, then settings, defaults first."""
    usual = usual_facts(spec)
    own = sorted(item for item in method_facts(spec).items() if usual.get(item[0]) != item[1])
    return (spec.method.label, own, spec.hash)


def _split(ordered: Sequence[Row], key: Callable[[Row], Hashable]) -> Iterable[list[Row]]:
    parts: dict[Hashable, list[Row]] = {}
    for row in ordered:
        parts.setdefault(key(row), []).append(row)
    return parts.values()


def _label(members: list[Row]) -> None:
    """Name the rows of a group; rows that would share a name also say their settings that differ and are no default."""
    named: dict[str, list[Row]] = {}
    for row in members:
        gain = "" if row.plain or row.spec.role == "teacher" else f" + {row.spec.method.label}"
        seen = "" if row.tta is None else f" + TTA, {_views(row.tta)}"
        row.label = f"{row.spec.role} {row.spec.backbone.width:g}×{gain}{seen}"
        named.setdefault(row.label, []).append(row)
    for twins in named.values():
        settings = [method_facts(row.spec) | spec_facts(row.spec) for row in twins]
        keys = sorted(set().union(*settings))
        differing = [key for key in keys if len({other.get(key) for other in settings}) > 1]
        for row, own in zip(twins, settings, strict=True):
            usual = usual_facts(row.spec)
            telling = [key for key in differing if own.get(key) != usual.get(key)]
            if telling:
                row.label += f" ({', '.join(f'{key}={own.get(key, UNKNOWN)}' for key in telling)})"
            elif len(twins) > 1 and not differing:
                row.label += f" (teacher {row.spec.teacher})"


def _views(tta: TtaSpec) -> str:
    """Say how a scan is seen: ``4 views (flip none x y xy)``; what leaves every view as it is is not named."""
    parts = {
        "flip": _listed(tta.flip),
        "rotated": _listed([f"{angle:g}°" for angle in tta.rotate_deg]),
        "scaled": _listed([f"{factor:g}" for factor in tta.scale]),
    }
    shown = ", ".join(f"{name} {values}" for name, values in parts.items() if values not in ("none", "0°", "1"))
    return f"{tta.views} {'view' if tta.views == 1 else 'views'}" + (f" ({shown})" if shown else "")


def _listed(values: Sequence[str]) -> str:
    return " ".join(values) if len(values) <= MOST_LISTED else f"in {len(values)} ways from {values[0]} to {values[-1]}"


def _compute_gains(members: list[Row]) -> None:
    plain = [row for row in members if row.plain]
    for row in members:
        baseline = _baseline(row, plain)
        if baseline is not None and not row.plain:
            row.delta = paired_difference(row.mious, baseline.mious)


def _note_differences(members: list[Row]) -> None:
    """List what sets a row's protocol apart from that of the first plain student with results on the same data.

    How steps were shared is told of every row where they were, the first one too: it sets them apart from the recipe.
    """
    reference = next((row for row in sorted(members, key=lambda row: not row.plain) if row.results), members[0])
    for row in members:
        row.differences = differences(_facts(row), _facts(reference)) + _sharing(row)


def _sharing(row: Row) -> list[str]:
    """Return a clause for each way in which seeds of a row had their steps shared, with the seeds unless it is all."""
    ways: dict[str, list[int]] = {}
    for seed, result in sorted(row.results.items()):
        ways.setdefault(sharing(result), []).append(seed)
    if len(ways) == 1:
        return [way for way in ways if way]
    numbered = {way: ("seed " if len(own) == 1 else "seeds ") + ", ".join(map(str, own)) for way, own in ways.items()}
    return [f"{named} {way}" for way, named in numbered.items() if way]


def _facts(row: Row) -> dict[str, str]:
    """Join the facts of a row's spec and of all its seeds' cards; whether it has several views its label says."""
    facts = merge([spec_facts(row.spec), *(card_facts(result) for result in row.results.values())])
    if row.tta is not None:
        facts.pop("tta", None)
    return facts


def _baseline(row: Row, plain: list[Row]) -> Row | None:
    """Find the student without distillation of the same recipe, and of the same width unless `row` is a teacher."""
    candidates = [other for other in plain if spec_facts(other.spec) == spec_facts(row.spec) and other.tta == row.tta]
    if row.spec.role == "student":
        candidates = [other for other in candidates if other.spec.backbone.width == row.spec.backbone.width]
    return candidates[0] if len(candidates) == 1 else None
