"""What was equal and what was not: the flat facts of a cell's protocol card, and their differences."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from baselines.registry import SHIPPED, short_name
from harness.config.models import MethodConfig
from harness.config.resolve import resolve_method
from harness.spec import CellResult, CellSpec, MethodSpec

Facts = Mapping[str, str]

COMPARED_ELSEWHERE = ("schema_version", "role", "seed", "method", "teacher", "dataset", "backbone", "measure")
"""Parts of a spec that a table groups by, compares or averages over; all others have to be equal."""


def spec_facts(spec: CellSpec) -> dict[str, str]:
    """Return what a spec demands beside data, network, role, method, teacher and seed, by dotted key."""
    record = spec.model_dump(mode="json")
    del record["recipe"]["name"]  # what a recipe is called makes no difference
    return dict(_flatten({key: value for key, value in record.items() if key not in COMPARED_ELSEWHERE}))


def method_facts(spec: CellSpec) -> dict[str, str]:
    """Return the complete settings of a cell's method by dotted key, and the source of one that does not ship."""
    source = {} if spec.method.source is None else {"source": spec.method.source}
    return source | dict(_flatten(_by_part(spec.method.name, spec.method.settings)))


def usual_facts(spec: CellSpec) -> dict[str, str]:
    """Return the defaults of a cell's method as `method_facts` has them; none unless it ships.

    Tables are made of results alone: no code of a user's is run for them.
    """
    names = _bare(spec.method).get("methods", [spec.method.name])
    if not SHIPPED.keys() >= set(names):
        return {}
    usual = resolve_method(MethodConfig(name=spec.method.name, settings=_bare(spec.method)), "defaults")
    return dict(_flatten(_by_part(usual.name, usual.settings)))


def _bare(method: MethodSpec) -> dict[str, Any]:
    """Return the least that names a method: a sum is nothing without its parts."""
    return {"methods": [part["name"] for part in method.settings["methods"]]} if method.name == "sum" else {}


def _by_part(name: str, settings: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return settings by key; those of a sum by part and key."""
    if name != "sum":
        return settings
    return {short_name(part["name"]): part["settings"] for part in settings["methods"]}


def card_facts(result: CellResult) -> dict[str, str]:
    """Return the protocol card of a finished cell and the protocols of its costs, by dotted key."""
    facts = {} if result.protocol is None else dict(_flatten(result.protocol.model_dump(mode="json")))
    if result.macs is not None:
        facts |= {"macs.protocol": result.macs.protocol, "macs.scans": str(result.macs.scans)}
    if (latency := result.latency) is not None:
        facts |= {"latency.protocol": latency.protocol, "latency.machine": f"{latency.device_kind} {latency.device}"}
        facts |= {"latency.threads": str(latency.threads), "latency.scans": str(latency.scans)}
        facts["latency.passes"] = str(latency.passes)
    return facts


def sharing(result: CellResult) -> str:
    """Return the clause for a training whose steps were made in parts; empty when each was made as a whole.

    It is not the training of the recipe, and no part of a cell's identity: docs/measurement.md says what differs.
    """
    training = result.training
    if training is None:
        return ""
    by = f" by {training.processes} processes" if training.processes > 1 else ""
    if (most := training.micro_batch) is None:
        return f"trained{by}" if by else ""
    scans, seen = ("1 scan", "one scan") if most == 1 else (f"{most} scans", f"{most} scans")
    return f"trained{by} with micro-batches of {scans}: batch normalisation saw {seen} at a time"


def merge(many: Iterable[Facts]) -> dict[str, str]:
    """Join the facts of several cells; one that they don't agree on lists all its values."""
    values: dict[str, set[str]] = {}
    for facts in many:
        for key, value in facts.items():
            values.setdefault(key, set()).add(value)
    return {key: " or ".join(sorted(seen)) for key, seen in values.items()}


def differences(facts: Facts, reference: Facts) -> list[str]:
    """Return one clause for every fact that both know and that differs, by key: ``seed is 1, not 0``."""
    shared = sorted(facts.keys() & reference.keys())
    return [f"{key} is {facts[key]}, not {reference[key]}" for key in shared if facts[key] != reference[key]]


def _flatten(value: Mapping[str, Any], prefix: str = "") -> Iterable[tuple[str, str]]:
    for key, inner in value.items():
        if isinstance(inner, Mapping):
            yield from _flatten(inner, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", _text(inner)


def _text(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_text, value)) + "]"
    return "none" if value is None else str(value)
