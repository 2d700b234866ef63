"""Wait for jobs in SLURM's queue, and tell what becomes of them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from submitit import SlurmJob

from harness.errors import HarnessError
from harness.matrix.executors import OnEnd
from harness.matrix.executors.slurm_job import Submission
from harness.matrix.executors.slurm_queue import QueuedJob, read_queue
from harness.matrix.order import CellOrder
from harness.matrix.progress import Progress
from harness.store import CellFolder, Store


class Watch:
    """The jobs that one run waits for.

    Args:
        total: cells of the run.
        late_s: how long a job that is gone may have left an outcome that is not to be seen yet.
        progress: told what happens.
        on_end: called once for each cell.
    """

    def __init__(self, total: int, late_s: float, progress: Progress, on_end: OnEnd) -> None:
        self._total, self._late_s, self._progress, self._on_end = total, late_s, progress, on_end
        self.jobs: dict[str, Submission] = {}
        self._seen: dict[str, float] = {}
        self._state: dict[str, QueuedJob] = {}
        self._begun: set[str] = set()
        self._silent = False

    def take_up(self, orders: Sequence[CellOrder], queue: dict[str, QueuedJob]) -> list[CellOrder]:
        """Wait for the cells that have a job in the queue; return those that have none and that nobody holds."""
        fresh = []
        for order in orders:
            folder = Store(order.out).find(order.cell)
            former = _last_submission(folder, order)
            if former is not None and former.job in queue:
                self._add(former)
            elif folder.locked():
                self._progress.note(f"{folder.cell} is being run by another process: left to it.")
                self._on_end(order, None)
            else:
                fresh.append(order)
        if self.jobs:
            self._progress.note(f"{len(self.jobs)} of {self._total} cells have a job in the queue: waiting for it.")
        return fresh

    def submitted(self, submissions: Sequence[Submission]) -> None:
        """Wait for new jobs, and note in the folder of each cell which is its own."""
        for submission in submissions:
            self._add(submission)
            folder = Store(submission.order.out).find(submission.order.cell)
            try:
                folder.event("submitted", executor="slurm", job=submission.job, log=str(submission.log))
            except HarnessError as error:
                self._progress.note(f"the event 'submitted' could not be recorded: {error}")
        self._progress.note(f"Cells submitted to SLURM: {len(submissions)}, job {', '.join(_arrays(submissions))}.")

    def look(self) -> None:
        """Ask the queue once, tell what changed, and let go of the jobs that have ended."""
        queue = read_queue()
        if queue is None:
            if not self._silent:
                self._progress.note("SLURM does not answer. Its jobs go on; waiting until it does.")
            self._silent = True
            return
        self._silent, now = False, time.monotonic()
        for name, submission in list(self.jobs.items()):
            if name in queue:
                self._seen[name] = now
                self._tell(submission, queue[name])
            elif submission.has_outcome() or now - self._seen[name] > self._late_s:
                del self.jobs[name]
                self._on_end(submission.order, submission.end())

    def leave(self) -> None:
        """Say what becomes of the jobs when nobody here waits for them any more."""
        if self.jobs:
            self._progress.note(
                f"{len(self.jobs)} jobs stay in SLURM's queue. Watch them: `harness ls cells --watch`. Wait for them "
                f"again: the same command. Cancel them: `scancel {' '.join(_arrays(list(self.jobs.values())))}`."
            )

    def _add(self, submission: Submission) -> None:
        self.jobs[submission.job], self._seen[submission.job] = submission, time.monotonic()

    def _tell(self, submission: Submission, now: QueuedJob) -> None:
        """Say what a job does when that is news."""
        name, before = submission.job, self._state.get(submission.job)
        self._state[name] = now
        if now.state == "RUNNING" and name not in self._begun:
            self._begun.add(name)
            cell = Store(submission.order.out).find(submission.order.cell).spec().name
            self._progress.cell(cell, len(self._begun), self._total)
        elif now.state == "PENDING" and before is not None and before.state != "PENDING":
            self._progress.note(f"Job {name} is back in the queue, and will go on from its checkpoint.")
        elif now.stuck and now != before:
            self._progress.note(f"Job {name} does not start by itself ({now.reason}): see `scontrol show job {name}`.")


def _last_submission(folder: CellFolder, order: CellOrder) -> Submission | None:
    """Return the last job of a cell that was submitted to SLURM, wherever it is by now."""
    for event in reversed(folder.events()):
        if event["event"] == "submitted" and event.get("executor") == "slurm":
            job, log = event.get("job"), event.get("log")
            if isinstance(job, str) and isinstance(log, str):
                return Submission(order, SlurmJob(Path(log).parent, job))
    return None


def _arrays(submissions: Sequence[Submission]) -> list[str]:
    """Return the ids that whole arrays and single jobs answer to, each once."""
    return list(dict.fromkeys(submission.job.partition("_")[0] for submission in submissions))
