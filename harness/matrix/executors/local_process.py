"""One process of this machine, started through submitit for one cell."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from submitit import Job, LocalExecutor
from submitit.core.utils import environment_variables

from harness.matrix.executors.lanes import THREADS, Lane
from harness.matrix.executors.verdict import verdict
from harness.matrix.executors.worker import OrderJob
from harness.matrix.job import Outcome
from harness.matrix.order import CellOrder

FOREVER_MIN = 60 * 24 * 365 * 10
"""Minutes that submitit lets a process run; it has no word for no limit."""


@dataclass(frozen=True)
class LocalProcess:
    """A process that runs a cell.

    Attributes:
        order: the cell.
        lane: what it may use.
        job: submitit's view of it.
    """

    order: CellOrder
    lane: Lane
    job: Job[Outcome]

    @property
    def log(self) -> Path:
        """All that it has to say."""
        return self.job.paths.stdout

    def end(self) -> str | None:
        """Return the verdict of a process that has ended, and leave nothing of it but its log."""
        reason = verdict(self.job, self.log)
        for path in (self.job.paths.submitted_pickle, self.job.paths.result_pickle):
            with suppress(OSError):
                path.unlink(missing_ok=True)
        return reason


def start(submitit: LocalExecutor, task: OrderJob, order: CellOrder, lane: Lane) -> LocalProcess:
    """Start a process.

    Raises:
        OSError: there is no room for its files, or no process to be had.
    """
    submitit.update_parameters(
        gpus_per_node=len(lane.gpus), visible_gpus=lane.gpus, timeout_min=FOREVER_MIN, stderr_to_stdout=True
    )
    with _inherited(lane):
        job = submitit.submit(task, _as_seen_from(order, lane))
    return LocalProcess(order, lane, job)


def _as_seen_from(order: CellOrder, lane: Lane) -> CellOrder:
    """Return the order for a process that sees the GPUs of its lane alone, the first of them as number 0."""
    if not lane.gpus:
        return order
    return replace(order, resources=replace(order.resources, device=torch.device("cuda")))


@contextmanager
def _inherited(lane: Lane) -> Iterator[None]:
    """Give processes started meanwhile the threads of a lane, the modules that are found here, and no ear for Ctrl-C.

    A terminal sends Ctrl-C to every process in it at once. This one answers and lets go of the leash; the others would
    only answer with a traceback each. A signal that is blocked here stays blocked in what is started here.
    """
    variables = {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    if lane.threads is not None:
        variables[THREADS] = str(lane.threads)
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        with environment_variables(**variables):
            yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
