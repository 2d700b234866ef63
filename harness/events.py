"""events.jsonl: what happened to a cell, and when, one line each."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from harness.files import append_line


class EventLog:
    """The events of one cell.

    Args:
        path: of events.jsonl; made when the first event is logged.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def append(self, name: str, **facts: Any) -> None:
        """Log an event as of now.

        Raises:
            HarnessError: it can't be written.
        """
        line = json.dumps({"time": time.strftime("%Y-%m-%dT%H:%M:%S%z"), "event": name, **facts})
        append_line(self.path, line)

    def rows(self) -> list[dict[str, Any]]:
        """Return the events, oldest first; a line that a kill or a full disk cut short is left out."""
        try:
            lines = self.path.read_bytes().splitlines()
        except OSError:
            return []
        return [event for line in lines if (event := parse_event(line)) is not None]


def parse_event(line: bytes) -> dict[str, Any] | None:
    """Return what a line of events.jsonl says, at least its ``time`` and ``event``; None for a damaged one."""
    try:
        event = json.loads(line)
    except ValueError:
        return None
    if isinstance(event, dict) and isinstance(event.get("event"), str) and isinstance(event.get("time"), str):
        return event
    return None
