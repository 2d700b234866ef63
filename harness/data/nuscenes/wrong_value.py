"""What pydantic found wrong with a value, with the value itself."""

from __future__ import annotations

from pydantic_core import ErrorDetails

MOST_CHARACTERS = 60
"""Of a value that is shown."""


def wrong_value(fault: ErrorDetails) -> str:
    """Say what was found, for a message: the value, shortened, and what is wrong with it."""
    kind, message = fault["type"], fault["msg"]
    if kind == "missing":
        return "no such key"
    if kind == "json_invalid" or kind.startswith("union_tag"):  # no value, or the message has it
        return message
    value = repr(fault["input"])
    return f"{value[:MOST_CHARACTERS]}{'…' if len(value) > MOST_CHARACTERS else ''} ({message})"
