"""What SLURM's queue says of this user's jobs; `sacct`, which not every cluster keeps, is never asked."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass

ANSWER_S = 60.0
"""A controller that has not answered by then is left alone until the next look."""

STUCK = ("DependencyNeverSatisfied", "JobHeldUser", "JobHeldAdmin", "BadConstraints", "PartitionTimeLimit")
"""Beginnings of reasons for which a job waits until somebody does something about it."""


@dataclass(frozen=True)
class QueuedJob:
    """A job that waits, runs or is about to end.

    Attributes:
        state: SLURM's word, as PENDING.
        reason: why it waits, in SLURM's words; None where it has none.
    """

    state: str
    reason: str | None

    @property
    def stuck(self) -> bool:
        """Whether waiting alone will not start it."""
        words = self.reason or ""
        return self.state == "PENDING" and (words.startswith(STUCK) or "held" in words.lower())


def read_queue() -> dict[str, QueuedJob] | None:
    """Return the user's jobs by id, a task of an array as ``ARRAY_TASK``; None when SLURM does not answer."""
    command = ["squeue", "--noheader", "--array", f"--user={os.getuid()}", "--format=%i|%T|%r"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, check=True, timeout=ANSWER_S)
    except (OSError, subprocess.SubprocessError):
        return None
    return parse_queue(answer.stdout)


def parse_queue(text: str) -> dict[str, QueuedJob]:
    """Return the jobs of lines ``id|state|reason``; a line of another form is left out."""
    jobs = {}
    for line in text.splitlines():
        job, *rest = line.strip().split("|", 2)
        if len(rest) == 2 and job:
            jobs[job] = QueuedJob(rest[0], None if rest[1] in ("", "None") else rest[1])
    return jobs
