"""What the command line says instead of a matrix file, as strictly read as the file."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from harness.config.matrix_file import parse_matrix
from harness.config.models import MatrixConfig, method_keys
from harness.config.pair import read_pair
from harness.errors import HarnessError

EXAMPLE = "recipe.epochs=3"
MOST_STEPS = 32
"""Of a key: more than any place in a matrix has."""


def override(
    content: Mapping[str, Any],
    where: object,
    engine: str | None = None,
    seeds: str | None = None,
    settings: Sequence[str] = (),
) -> MatrixConfig:
    """Return a matrix with what the command line says instead, validated like the file.

    Args:
        content: of the file, as `read_matrix` returns it.
        where: the file, for messages.
        engine: name, or None to keep the file's.
        seeds: numbers between commas, or None to keep the file's.
        settings: ``KEY=VALUE``; the key is a path as ``backbones.0.student_width``, the value YAML. Applied in their
            order, before `engine` and `seeds`. A short form on the way is spelled out: ``recipe.epochs=3`` makes
            ``recipe: common`` into ``recipe: {base: common, epochs: 3}``.

    Raises:
        HarnessError: a key leads nowhere, or a key or value is wrong; names the option where one is to blame.
    """
    changed: Any = dict(content)
    blamed: dict[str, str] = {}
    for pair in settings:
        key, value = read_pair("--set", pair, EXAMPLE)
        changed, blamed[key] = _put(changed, _steps(key), 0, value), f"--set {key}"
    source = f"{where} with {', '.join(blamed.values())}" if blamed else str(where)
    for key, given in {"engine": engine, "seeds": None if seeds is None else seeds.split(",")}.items():
        if given is not None:
            changed, blamed[key] = {**changed, key: given}, "the command line"
    try:
        return parse_matrix(changed, source)
    except HarnessError as error:
        raise _blame(error, source, blamed) from error


def _steps(key: str) -> list[str]:
    """Return the keys and indices on the way to a place.

    Raises:
        HarnessError: one is empty, or there are too many.
    """
    steps = key.split(".")
    if "" in steps or len(steps) > MOST_STEPS:
        found = "an empty key" if "" in steps else f"{len(steps)} keys"
        expected = f"at most {MOST_STEPS} keys or indices with a dot between them"
        raise HarnessError(f"--set {key[:80]}", found, expected, f"For example: --set {EXAMPLE}")
    return steps


def _put(found: Any, steps: list[str], depth: int, value: Any) -> Any:
    """Return what was found with a value put at the end of the steps; what it was found in stays as it is.

    Args:
        found: at the end of the first `depth` steps; None where nothing is.
        steps: keys and indices.
        depth: steps gone.
        value: to put.

    Raises:
        HarnessError: an index is none of the list, or the way leads through a text or number.
    """
    if depth == len(steps):
        return value
    found, step = _spell_out(found, steps[:depth]), steps[depth]
    if isinstance(found, Mapping):
        return {**found, step: _put(found.get(step), steps, depth + 1, value)}
    where = f"--set {'.'.join(steps)}"
    place = ".".join(steps[:depth])
    if isinstance(found, list | tuple):
        if not re.fullmatch("0|[1-9][0-9]{0,5}", step) or int(step) >= len(found):
            expected = f"an index from 0 to {len(found) - 1}" if found else "a list that is not empty"
            remedy = f"Mend the index, or set {place} as a whole."
            raise HarnessError(where, f"{step!r} in the list {place}", expected, remedy)
        index = int(step)
        return [*found[:index], _put(found[index], steps, depth + 1, value), *found[index + 1 :]]
    remedy = f"Set {place} as a whole."
    raise HarnessError(where, f"{found!r}"[:80] + f" at {place}", f"keys or a list, to go on to {step!r}", remedy)


def _spell_out(found: Any, place: list[str]) -> Any:
    """Return a short form as the keys it stands for, nothing as no keys, and all else as it is."""
    if found is None:
        return {}
    if isinstance(found, str) and place == ["recipe"]:
        return {"base": found}
    if isinstance(found, str) and place[-2:-1] == ["methods"]:
        return method_keys(found)
    return found


def _blame(error: HarnessError, source: str, blamed: Mapping[str, str]) -> HarnessError:
    """Return an error that names the option whose value has the fault in it, or the same error where none has."""
    inside, _, place = error.where.partition(f"{source}, key ")
    if inside or not place:
        return error
    place = place.replace(", key ", ".")
    for key, option in reversed([*blamed.items()]):
        if f"{place}.".startswith(f"{key}."):
            where = option if option == f"--set {place}" else f"{option}, key {place}"
            return HarnessError(where, error.found, error.expected, error.remedy)
    return error
