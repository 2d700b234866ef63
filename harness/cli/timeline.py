"""The events of a cell as lines to read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from harness.plain_text import plain

MOST_LINES = 40
LEFT_OUT = ("time", "event", "traceback")


def timeline(events: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return one line for each event, checkpoints that follow one another in one; the oldest go where there are many.

    Args:
        events: of the cell, oldest first, as `CellFolder.events` returns them.
    """
    lines = list(_lines(events))
    if len(lines) > MOST_LINES:
        left_out = len(lines) - MOST_LINES + 1
        lines = [f"{left_out} lines of before: see events.jsonl", *lines[left_out:]]
    return lines


def _lines(events: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for name, group in groupby(events, key=lambda event: event["event"]):
        same = list(group)
        if name == "checkpoint":
            yield _line(same[-1], _checkpoints(same))
        else:
            yield from (
                _line(event, ": ".join(filter(None, (name.replace("_", " "), _facts(event))))) for event in same
            )


def _line(event: Mapping[str, Any], text: str) -> str:
    return f"{plain(event['time'][:19].replace('T', ' '))}  {plain(text)}"


def _facts(event: Mapping[str, Any]) -> str:
    """Return what an event tells besides its name; a reason speaks for itself."""
    told = {name: value for name, value in event.items() if name not in LEFT_OUT and value not in (None, False)}
    return ", ".join(
        str(value) if name == "reason" else f"{name.replace('_', ' ')} {value}" for name, value in told.items()
    )


def _checkpoints(events: Sequence[Mapping[str, Any]]) -> str:
    seconds = [event["seconds"] for event in events if isinstance(event.get("seconds"), int | float)]
    one = len(events) == 1
    count = "checkpoint" if one else f"{len(events)} checkpoints, the last"
    cost = f", {sum(seconds) / len(seconds):.2g} s{'' if one else ' each'}" if seconds else ""
    return f"{count} at step {events[-1].get('step', '?')}{cost}"
