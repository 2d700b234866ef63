"""From cells to rows: which cells share a row, in what order rows stand, and which can be compared."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence

from harness.report.facts import card_facts, differences, method_facts, usual_facts
from harness.report.flat import merge
from harness.report.gains import compare_rows
from harness.report.labels import label_rows
from harness.report.rows import Row
from harness.report.sharing import sharing
from harness.report.timings import row_timings
from harness.spec import CellResult, CellSpec, LatencyRecord, seedless


def build_rows(
    results: Iterable[CellResult], planned: Sequence[CellSpec] = (), records: Sequence[LatencyRecord] = ()
) -> list[Row]:
    """Sort cells into rows, compare them with the plain student and note what is not comparable.

    Args:
        results: of any cells, finished and failed.
        planned: cells that should have a result; those without one stand in the table as missing.
        records: of latency by the complete protocol; each fills in for what cells of its network took of themselves.

    Returns:
        Rows by group; in a group the teachers, the plain students and the methods, these in the order given.
    """
    cells: dict[str, tuple[CellSpec, CellResult | None]] = {spec.hash: (spec, None) for spec in planned}
    cells |= {result.spec.hash: (result.spec, result) for result in results}
    specs = {identity: spec for identity, (spec, _) in cells.items()}
    wanted = {spec.hash: spec.measure.tta for spec in [*specs.values(), *planned]}
    rows: dict[str, Row] = {}
    for identity, (spec, result) in cells.items():
        key = seedless(spec, specs)
        while key in rows and spec.seed in rows[key].seeds:  # the same but for the seed of its teacher
            key += "+"
        _add(rows.setdefault(key, Row(spec)), spec, result)
        views = wanted.get(identity) if result is None or result.tta is None else result.tta.settings
        if views is not None:
            seen = rows.setdefault(key + views.model_dump_json(), Row(spec, tta=views))
            _add(seen, spec, _with_tta(result))
    ordered = sorted(rows.values(), key=_order)
    for row in ordered:
        measured = records if row.results and row.tta is None else ()  # the cost of several views is not measured
        row.timings = row_timings(row.spec, row.results.values(), measured)
    for members in _split(ordered, lambda row: row.group):
        label_rows(members)
        compare_rows(members)
    for members in _split(ordered, lambda row: row.spec.dataset.model_dump_json()):
        _note_differences(members)
    return ordered


def _add(row: Row, spec: CellSpec, result: CellResult | None) -> None:
    if result is None:
        row.missing.append(spec.seed)
    elif result.status == "failed":
        row.failed[spec.seed] = result.reason or "no reason recorded"
    else:
        row.results[spec.seed] = result


def _with_tta(result: CellResult | None) -> CellResult | None:
    """Return a result as test-time augmentation has it: another score and card, and a cost that is not measured.

    A failed cell has failed here too; one that was evaluated without is missing; one that has no score has none here.
    """
    if result is None or result.status == "failed":
        return result
    if (tta := result.tta) is None and result.score is not None:
        return None
    card = None if result.protocol is None else result.protocol.model_copy(update={"tta": True})
    score = None if tta is None else tta.score
    return result.model_copy(update={"score": score, "protocol": card, "macs": None, "latency": None})


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


def _note_differences(members: list[Row]) -> None:
    """List what sets a row's protocol apart from that of the first plain student with results on the same data.

    How steps were shared is told of every row where they were, the first one too: it sets them apart from the recipe.
    """
    reference = next((row for row in sorted(members, key=lambda row: not row.plain) if row.results), members[0])
    usual = _facts(reference)
    for row in members:
        row.differences = differences(_facts(row), usual) + _sharing(row)


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
    """Join the facts of all its seeds' cards; whether it has several views its label says."""
    facts = merge(card_facts(result) for result in row.results.values())
    if row.tta is not None:
        facts.pop("tta", None)
    return facts
