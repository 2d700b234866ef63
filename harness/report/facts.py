"""What was equal and what was not: the facts that cells are compared by, and their differences.

Two numbers whose cards differ in anything but network and method are never put in one column without a mark. What a
table shows in a column or a name of its own is told there; every other key of a card that differs becomes a footnote.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import accumulate
from typing import Any

from baselines.registry import SHIPPED
from harness.config.models import MethodConfig
from harness.config.resolve import resolve_method
from harness.report.card import card_of_cell
from harness.report.cost_card import card_of_latency
from harness.report.flat import SEVERAL, Facts, flat_method, flatten
from harness.spec import CellResult, CellSpec, DatasetSpec, LatencyRecord, MethodSpec

COMPARED_ELSEWHERE = ("schema_version", "role", "seed", "method", "teacher", "dataset", "backbone", "measure")
"""Parts of a spec that a table groups by, compares or averages over; all others have to be equal."""

SHOWN_ELSEWHERE = {
    "data": "its column, the marks † and ‡, and `data_notes`",
    "network": "its columns and `harness.report.networks`",
    "method": "the row's name",
    "teacher": "the row's name",
    "seeds": "their column",
    "spec_hash": "no difference of its own: it follows from the others",
    "tta.flip": "the row's name",
    "tta.rotate_deg": "the row's name",
    "tta.scale": "the row's name",
    "latency.verdict": "a mark at the time itself",
    "training.in_parts": "a footnote of every row that has it, since it is no row's recipe",
}
"""Beginnings of the keys of a card that need no footnote by `differences`, and where a reader finds them."""


def spec_facts(spec: CellSpec) -> dict[str, str]:
    """Return what a spec demands beside data, network, role, method, teacher and seed, by dotted key."""
    record = spec.model_dump(mode="json")
    del record["recipe"]["name"]  # what a recipe is called makes no difference
    return dict(flatten({key: value for key, value in record.items() if key not in COMPARED_ELSEWHERE}))


def method_facts(spec: CellSpec) -> dict[str, str]:
    """Return the complete settings of a cell's method by dotted key, and the source of one that does not ship."""
    return flat_method(spec.method)


def usual_facts(spec: CellSpec) -> dict[str, str]:
    """Return the defaults of a cell's method as `method_facts` has them; none unless it ships.

    Tables are made of results alone: no code of a user's is run for them.
    """
    names = _bare(spec.method).get("methods", [spec.method.name])
    if not SHIPPED.keys() >= set(names):
        return {}
    return flat_method(resolve_method(MethodConfig(name=spec.method.name, settings=_bare(spec.method)), "defaults"))


def _bare(method: MethodSpec) -> dict[str, Any]:
    """Return the least that names a method: a sum is nothing without its parts."""
    return {"methods": [part["name"] for part in method.settings["methods"]]} if method.name == "sum" else {}


def card_facts(result: CellResult) -> dict[str, str]:
    """Return what of a cell's protocol card has to be equal throughout a column, by dotted key."""
    return {key: value for key, value in card_of_cell(result).items() if not shown_elsewhere(key)}


def record_facts(record: LatencyRecord) -> dict[str, str]:
    """Return what of a latency record's card has to be equal among the times of a column, by dotted key."""
    return {key: value for key, value in card_of_latency(record).items() if not shown_elsewhere(key)}


def shown_elsewhere(key: str) -> bool:
    """Whether a table tells the key of a card in another way than by a footnote of `differences`."""
    return not SHOWN_ELSEWHERE.keys().isdisjoint(accumulate(key.split("."), "{}.{}".format))


def differences(facts: Facts, reference: Facts) -> list[str]:
    """Return one clause for every fact that differs or that the cells behind `facts` don't agree on, by key.

    A fact that one side alone has is none of a number of the other, except for settings that the other has as a whole:
    ``recipe.augmentation.mix is kinds [lasermix], probability 1, not none``.
    """
    clauses = {key: _clause(key, facts[key], reference[key]) for key in facts.keys() & reference.keys()}
    for own, other, turned in ((facts, reference, False), (reference, facts, True)):
        for key in other.keys() - own.keys():
            if inner := {k.removeprefix(f"{key}."): v for k, v in own.items() if k.startswith(f"{key}.")}:
                whole = ", ".join(f"{name} {value}" for name, value in inner.items())
                clauses[key] = _clause(key, *((other[key], whole) if turned else (whole, other[key])))
    return [clause for _, clause in sorted(clauses.items()) if clause]


def _clause(key: str, value: str, reference: str) -> str:
    if value != reference:
        return f"{key} is {value}, not {reference}"
    return f"{key} is {value}, by seed" if SEVERAL in value else ""


def data_notes(dataset: DatasetSpec, others: Iterable[DatasetSpec]) -> list[str]:
    """Return what tells a set of data from others of its name; nothing when all are the same.

    Args:
        dataset: of a row.
        others: of all rows of the table.
    """
    namesakes = [other for other in others if other.name == dataset.name]
    if all(other == dataset for other in namesakes):
        return []
    told = [f"manifest {dataset.manifest[:12]}", f"{_counts(dataset.scans)} scans"]
    if any(other.official_scans != dataset.official_scans for other in namesakes):
        told[-1] += f" of {_counts(dataset.official_scans)} official ones"
    if any(other.skipped != dataset.skipped for other in namesakes):
        told.append(f"{', '.join(dataset.skipped) or 'none'} skipped")
    if any(other.label_map != dataset.label_map for other in namesakes):
        told.append(f"label map {dataset.label_map}")
    return [f"{', '.join(told)}: another set of data"]


def _counts(scans: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {split}" for split, count in scans.items())
