"""In which order a budget is spent, by a rule with a name."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence

from harness.matrix.forecast import Forecast
from harness.spec import CellSpec

RULE = "comparisons first"
RULE_MEANING = (
    "seed by seed, first the plain student and PVD on every pair of data set and backbone, the cheapest pair first; "
    "then the other methods in the matrix's order. A cell is taken if it fits with the teacher it needs; one that does "
    "not is passed over, and a cheaper one behind it may still fit. Finished cells cost nothing."
)


def rule_order(by_hash: Mapping[str, CellSpec], forecasts: Mapping[str, Forecast]) -> list[tuple[str, str]]:
    """Return the hashes of all cells in the order of the rule, each with what it is there for.

    Teachers come with their students; they stand at the end for a matrix whose students need none.
    """
    students = {key: spec for key, spec in by_hash.items() if spec.role == "student"}
    order: list[tuple[str, str]] = []
    for seed in sorted({spec.seed for spec in students.values()}):
        order += _of_seed({key: spec for key, spec in students.items() if spec.seed == seed}, by_hash, forecasts)
    teachers = (key for key, spec in by_hash.items() if spec.role == "teacher")
    ranked = sorted(teachers, key=lambda key: (by_hash[key].seed, _cost([key], forecasts), _pair(by_hash[key]), key))
    return [*order, *((key, "a row of its own") for key in ranked)]


def _of_seed(
    students: Mapping[str, CellSpec], by_hash: Mapping[str, CellSpec], forecasts: Mapping[str, Forecast]
) -> Iterator[tuple[str, str]]:
    """Yield the students of a seed: comparisons by pair, then the others by method and pair."""
    places = {label: place for place, label in enumerate(dict.fromkeys(s.method.label for s in by_hash.values()))}
    pairs: dict[str, list[str]] = {}
    for key, spec in students.items():
        pairs.setdefault(_pair(spec), []).append(key)
    compared = {pair: _comparison(keys, students) for pair, keys in pairs.items()}
    ranked = sorted(pairs, key=lambda pair: (_cost(_and_teachers(compared[pair], by_hash), forecasts), pair))
    for number, pair in enumerate(ranked, 1):
        yield from ((key, f"comparison {number} of {len(ranked)}") for key in compared[pair])
    rivals = [(rank, key) for rank, pair in enumerate(ranked) for key in pairs[pair] if key not in compared[pair]]
    for _, key in sorted(rivals, key=lambda rival: (places[students[rival[1]].method.label], rival[0])):
        yield key, "beside the comparisons"


def _comparison(keys: Sequence[str], students: Mapping[str, CellSpec]) -> list[str]:
    """Return the plain student of a pair and its first student of PVD, as far as there are such."""
    named = {name: [key for key in keys if students[key].method.name == name] for name in ("none", "pvd")}
    return [*named["none"][:1], *named["pvd"][:1]]


def _pair(spec: CellSpec) -> str:
    """Return a text that the students of a data set and a backbone share, in the order of people."""
    backbone = spec.backbone.model_dump_json()
    return f"{spec.dataset.name} {spec.backbone.name} {backbone} {spec.dataset.model_dump_json()}"


def _and_teachers(keys: Sequence[str], by_hash: Mapping[str, CellSpec]) -> set[str]:
    teachers = {by_hash[key].teacher for key in keys}
    return {*keys, *(teacher for teacher in teachers if teacher is not None and teacher in by_hash)}


def _cost(keys: Collection[str], forecasts: Mapping[str, Forecast]) -> tuple[bool, float, float]:
    """Rank cells by their hours; behind known ones come those of another device, then none, smaller networks first."""
    found = [forecasts[key] for key in sorted(keys)]
    return any(one.unknown for one in found), math.fsum(map(_hours, found)), math.fsum(one.disk_mib for one in found)


def _hours(forecast: Forecast) -> float:
    if forecast.hours is not None:
        return forecast.hours
    return math.inf if forecast.elsewhere is None else forecast.elsewhere.hours
