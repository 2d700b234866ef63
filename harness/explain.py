"""Why pydantic refused what a user wrote, as one error of theirs."""

from __future__ import annotations

import difflib
import types
import typing
from typing import Any

from pydantic import BaseModel, ValidationError

from harness.errors import HarnessError


def explain(error: ValidationError, model: type[BaseModel], where: object, prefix: str) -> HarnessError:
    """Turn the first fault of a validation into a message that names the key and what was meant.

    Args:
        error: what pydantic raised.
        model: what was validated.
        where: the file or option, for the message.
        prefix: of the keys in the message, for a model that is a part of the file.
    """
    faults = error.errors()
    fault = next((f for f in faults if f["type"] == "extra_forbidden"), faults[0])  # a typo also makes a key missing
    key = (prefix + ".".join(str(part) for part in fault["loc"])).rstrip(".") or "(several)"
    if fault["type"] == "extra_forbidden":
        known = _keys_beside(model, fault["loc"])
        near = difflib.get_close_matches(str(fault["loc"][-1]), known, n=1)
        remedy = f"Did you mean {near[0]!r}?" if near else "Remove it."
        expected = f"one of {', '.join(known)}" if known else "no keys here"
        return HarnessError(f"{where}, key {key}", "an unknown key", expected, remedy)
    message = fault["msg"].removeprefix("Value error, ")
    if fault["type"] == "missing":
        found = "nothing"
    elif fault["type"] == "value_error" and isinstance(fault["input"], dict):
        found = "values that do not fit together"
    else:
        found = repr(fault["input"])[:80]
    return HarnessError(f"{where}, key {key}", found, message[0].lower() + message[1:], "Mend the value.")


def _keys_beside(model: type[BaseModel], location: tuple[int | str, ...]) -> list[str]:
    """Return the keys a model takes at the place of the last key of `location`."""
    for part in location[:-1]:
        if isinstance(part, str) and part in model.model_fields:
            model = _inner_model(model.model_fields[part].annotation) or model
    return list(model.model_fields)


def _inner_model(annotation: Any) -> type[BaseModel] | None:
    """Find the model inside ``Model``, ``Model | None`` or ``tuple[Model, ...]``."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    if typing.get_origin(annotation) in (tuple, list, typing.Union, types.UnionType):
        return next((m for a in typing.get_args(annotation) if (m := _inner_model(a))), None)
    return None
