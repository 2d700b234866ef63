"""What ties a fresh process to the one that started it: words one way, and an end that both have in common."""

from __future__ import annotations

import json
import os
import sys
import threading
import time

from harness.errors import HarnessError

TELL_S = 0.5
"""Shortest time between two words about how far it is."""


class Link:
    """Standard output, kept for messages alone: whatever else is printed goes to standard error."""

    def __init__(self) -> None:
        self._out = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
        self._told_s = 0.0
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())

    def told(self, done: int, total: int) -> None:
        """Say how far it is, now and then."""
        now = time.monotonic()
        if done == total or now - self._told_s >= TELL_S:
            self._told_s = now
            self._say(done=done, total=total)

    def fault(self, error: HarnessError) -> None:
        """Say what a user must mend."""
        self._say(fault=[error.where, error.found, error.expected, error.remedy])

    def _say(self, **message: object) -> None:
        self._out.write(json.dumps(message) + "\n")
        self._out.flush()


def end_with_starter() -> None:
    """End this process when its standard input does, which is when the one that started it is gone or has given up."""
    threading.Thread(target=_wait_for_end, daemon=True).start()


def _wait_for_end() -> None:
    os.read(sys.stdin.fileno(), 1)  # nothing is ever sent: it returns when the other end is closed
    os._exit(1)
