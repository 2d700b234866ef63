"""What became of a process that submitit started."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from submitit import Job
from submitit.core.utils import pickle_load

CRASH = re.compile(r"^Fatal Python error: .*$", re.MULTILINE)
"""How an interpreter that crashes begins its last lines."""

UNCAUGHT = re.compile(r"[A-Za-z_][\w.]*(Error|Exception|Interrupt)\b.*")
"""The last line of a log that ends with an exception nobody has caught."""

HARNESS_ERROR = "harness.errors.HarnessError: "
TAIL = 1 << 16
"""Bytes at the end of a log that are looked into."""


def verdict(job: Job[Any], log: Path) -> str | None:
    """Return why an ended job has no outcome; None when it has one.

    Args:
        job: whose process has ended, so that the file of its outcome is there or will never be.
        log: what it wrote.
    """
    if not job.paths.result_pickle.exists():
        return f"its process {_death(log)}; its log: {log}"
    outcome, told = pickle_load(job.paths.result_pickle)
    if outcome == "success":
        return None
    return f"{told.strip().splitlines()[-1].removeprefix(HARNESS_ERROR)} (log: {log})"


def _death(log: Path) -> str:
    tail = log_tail(log).rstrip()
    words = CRASH.search(tail) or UNCAUGHT.fullmatch(tail.rpartition("\n")[2])
    if words:
        return f"died of '{words[0]}'"
    return "was killed from outside, by hand or by a system short of memory"


def log_tail(log: Path) -> str:
    """Return the end of a log; nothing where it can't be read."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - TAIL))
            return file.read().decode(errors="replace")
    except OSError:
        return ""
