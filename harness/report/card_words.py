"""A protocol card in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from harness.plain_text import plain

TOPICS: dict[str, str] = {
    "data": "data",
    "network": "network",
    "method": "method",
    "teacher": "method",
    "trained_on": "training",
    "seeds": "training",
    "spec_hash": "training",
    "weights": "training",
    "training": "training",
    "recipe": "recipe",
    "recipe.augmentation": "augmentation",
    "split": "score",
    "scoring_rule": "score",
    "tta": "score",
    "engine": "computed by",
    "engine_version": "computed by",
    "precision": "computed by",
    "device": "computed by",
    "torch": "computed by",
    "harness": "written by",
    "commit": "written by",
    "macs": "MACs",
    "latency": "latency",
}
"""What a line is about, by the beginning of its keys; the longest beginning decides."""

NAMES = {"tta": "test-time augmentation", "spec_hash": "spec", "trained_on": "on", "macs.scan_list": "list"}
YES_NO = {"True": "yes", "False": "no"}
UNITS = {"_m": " m", "_deg": " degrees"}
"""Endings of keys that are the unit of the value."""


def card_lines(card: Mapping[str, str]) -> Iterator[str]:
    """Yield a card in words, a line for each topic.

    >>> list(card_lines({"split": "val", "tta": "False", "recipe.batch_size": "2"}))
    ['score: split val, test-time augmentation no', 'recipe: batch size 2']
    """
    told: dict[str, list[str]] = {}
    for key, value in card.items():
        beginning = max((known for known in TOPICS if f"{key}.".startswith(f"{known}.")), key=len)
        told.setdefault(TOPICS[beginning], []).append(_entry(key, beginning, plain(value)))
    yield from (f"{topic}: {', '.join(entries)}" for topic, entries in told.items())


def _entry(key: str, beginning: str, value: str) -> str:
    """Return the name of a key within its topic and its value; a topic's own key needs no name."""
    if key == TOPICS[beginning]:
        return value
    if key == "trained_on":
        return f"{NAMES[key]} {value.strip('[]').replace(', ', ' and ')}"
    name = NAMES.get(key, key.removeprefix(f"{beginning}."))
    unit = next((ending for ending in UNITS if name.endswith(ending)), "")
    measured = UNITS.get(unit, "") if any(map(str.isdigit, value)) else ""
    return f"{name.removesuffix(unit).replace('_', ' ').replace('.', ' ')} {_shown(value)}{measured}"


def _shown(value: str) -> str:
    """Return a value without what only a program needs: a list of one or none is no list to a reader."""
    if value == "[]" or ("," not in value and value[:1] == "[" and value[-1:] == "]"):
        return value[1:-1] or "none"
    return YES_NO.get(value, value)
