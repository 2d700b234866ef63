"""Run cells on a cluster: job arrays in SLURM's queue, watched from here."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Sequence
from pathlib import Path

from harness.errors import HarnessError
from harness.files import make_folder
from harness.matrix.executors import MayStart, OnEnd, always
from harness.matrix.executors.slurm_queue import QueuedJob, read_queue
from harness.matrix.executors.slurm_settings import SlurmSettings
from harness.matrix.executors.slurm_submit import submit
from harness.matrix.executors.slurm_watch import Watch
from harness.matrix.order import CellOrder
from harness.matrix.progress import Progress

LOOK_S = 5.0
"""Between two looks at the queue: one question for all jobs."""

LATE_S = 60.0
"""Longest time that a shared file system keeps what another machine wrote from this one."""


class SlurmExecutor:
    """Cells as SLURM jobs: those without a teacher among them in one array, the students in one that waits for these.

    What is done is told by the store; the queue tells only which jobs are still there, so that a cluster without
    accounting does. When this process ends the jobs stay, and another one takes them up.

    Args:
        folder: for scripts and logs, one folder in it for each call of `run`; every machine of the cluster sees it
            under the same path, as it does the store and the data.
        settings: of every job.
        look_s: between two looks at the queue.
        late_s: how long a job that is gone may have left an outcome that is not to be seen yet.
    """

    def __init__(self, folder: Path, settings: SlurmSettings, look_s: float = LOOK_S, late_s: float = LATE_S) -> None:
        self.folder, self.settings = folder.absolute(), settings
        self.look_s, self.late_s = look_s, late_s

    def run(self, orders: Sequence[CellOrder], progress: Progress, on_end: OnEnd, may_start: MayStart = always) -> None:
        """Run every order; see `Executor`. A cell that has a job in the queue is not submitted again.

        All jobs are submitted at once, so that `may_start` is asked for each before any has run.

        Raises:
            HarnessError: there is no SLURM that answers, or it refuses the jobs.
        """
        if not orders:
            return
        folder = self.folder / f"slurm-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}"
        watch = Watch(len(orders), self.late_s, progress, on_end)
        try:
            fresh = watch.take_up(orders, _queue())
            self._submit([order for order in fresh if may_start(order)], folder, watch)
            while watch.jobs:
                time.sleep(self.look_s)
                watch.look()
        except BaseException:
            watch.leave()
            raise

    def _submit(self, orders: Sequence[CellOrder], folder: Path, watch: Watch) -> None:
        """Submit the cells that have no teacher to wait for, then those that have one, just submitted or before."""
        coming = {order.cell for order in orders} | {job.order.cell for job in watch.jobs.values()}
        first = [order for order in orders if order.teacher not in coming]
        students = [order for order in orders if order.teacher in coming]
        if orders:
            make_folder(folder)
        if first:
            watch.submitted(submit(first, (), folder, self.settings))
        if students:
            teachers = {order.teacher for order in students}
            after = [name for name, job in watch.jobs.items() if job.order.cell in teachers]
            watch.submitted(submit(students, after, folder, self.settings))


def _queue() -> dict[str, QueuedJob]:
    """Return the queue.

    Raises:
        HarnessError: SLURM does not answer, and cells may have jobs that must not be submitted twice.
    """
    if any(shutil.which(tool) is None for tool in ("sbatch", "srun", "squeue")):
        remedy = "Run it on a machine of the cluster, or choose --executor local."
        raise HarnessError("--executor slurm", "no sbatch, srun and squeue on the PATH", "SLURM's commands", remedy)
    queue = read_queue()
    if queue is None:
        raise HarnessError("squeue", "no answer", "SLURM's queue", "Try `squeue` yourself, and this command again.")
    return queue
