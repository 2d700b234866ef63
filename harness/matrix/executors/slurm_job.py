"""A cell in SLURM's hands, and what it left when it is gone."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from submitit import Job

from harness.matrix.executors.verdict import log_tail, verdict
from harness.matrix.order import CellOrder

LAST_WORDS = re.compile(r"error: \*\*\* (.*?) \*\*\*")
"""How SLURM writes into a job's log why it ended it."""


@dataclass(frozen=True)
class Submission:
    """A cell in SLURM's hands.

    Attributes:
        order: the cell.
        files: submitit's job, which knows its id and where its files lie.
    """

    order: CellOrder
    files: Job[Any]

    @property
    def job(self) -> str:
        """SLURM's id, of a task of an array as ``ARRAY_TASK``."""
        return str(self.files.job_id)

    @property
    def log(self) -> Path:
        """What the cell and SLURM have to say, of all sittings."""
        return self.files.paths.stdout

    def has_outcome(self) -> bool:
        """Tell whether the job came to its end by itself."""
        return self.files.paths.result_pickle.exists()

    def end(self) -> str | None:
        """Return why a job that is gone has no outcome, None when it has one; leave just its script and log."""
        if self.has_outcome():
            reason = verdict(self.files, self.log)
        else:
            words = LAST_WORDS.findall(log_tail(self.log))
            cause = f": {words[-1]}" if words else ""
            reason = f"SLURM job {self.job} ended without a result{cause}; its log: {self.log}"
        for path in (self.files.paths.submitted_pickle, self.files.paths.result_pickle):
            with suppress(OSError):
                path.unlink(missing_ok=True)
        return reason
