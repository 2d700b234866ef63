"""The moment when a cluster takes its machine back: a checkpoint, then back into the queue with nothing lost.

What SLURM sends, and what is made of it (docs/cluster.md has the user's side):

* the signal that a job asks for with ``--signal``, before its time runs out, or at a pre-emption where the cluster has
  ``send_user_signal``: the training saves a checkpoint after the step it is at, and the job is queued again;
* SIGTERM with a grace time: the same, since SLURM still has the job as running and would kill it at the end;
* SIGTERM to a job that was cancelled or requeued: its fate is settled, so it saves a checkpoint and goes;
* no warning: the job goes on from its last checkpoint when SLURM starts it again.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from submitit import JobEnvironment

from harness.matrix.executors.slurm_queue import read_queue
from harness.store import CellFolder
from harness.train.sitting import Stopped

WARNING = signal.SIGUSR2
"""What submitit has SLURM send, and listens to."""

EVENT = "preempted"
RESTARTS = "SLURM_RESTART_COUNT"


@contextmanager
def stop_on_preemption(folder: CellFolder, limit_s: float) -> Iterator[Callable[[], bool]]:
    """Run a cell in a job that SLURM may take back; yield what tells whether to save a checkpoint and leave.

    When the cell has left, submitit's own handler queues the job again and ends this process. A cell that does not ask
    whether to leave, since it is being evaluated and has nothing to save, is stopped at the limit; by then it may have
    finished.

    Args:
        folder: of the cell, whose events tell of each pre-emption.
        limit_s: seconds from the warning until the cell is stopped wherever it is; shorter than the warning is early.

    Raises:
        SystemExit: the job leaves.
        submitit.core.utils.UncompletedJobError: its time has run out more often than it may.
        Stopped: for another reason than a signal, or there is no handler of submitit's.
    """
    _count_unannounced(folder)
    notice = _Notice(limit_s)
    try:
        with notice.awaited():
            yield notice.given
    except Stopped as stopped:
        requeue = signal.getsignal(WARNING)
        if not notice.given() or not callable(requeue):
            raise
        if notice.final and not _still_ours():
            sys.exit(1)
        folder.event(EVENT, job=JobEnvironment().job_id, warned=True, left=str(stopped))
        requeue(WARNING, None)
        sys.exit(1)


class _Notice:
    """Whether SLURM has said that it takes the machine of this process back."""

    def __init__(self, limit_s: float) -> None:
        self._limit_s, self._process = limit_s, os.getpid()
        self._signal: int | None = None

    @property
    def final(self) -> bool:
        """Whether the notice is SIGTERM alone, which may also mean that the job was cancelled."""
        return self._signal == signal.SIGTERM

    def given(self) -> bool:
        """Tell whether the notice has come."""
        return self._signal is not None

    @contextmanager
    def awaited(self) -> Iterator[None]:
        """Take over the signals while a cell runs.

        SLURM may send them to every process of a job. A blocked signal stays blocked in processes that this one starts,
        whose default would be to die of it; an idle thread receives it for this process.
        """
        handlers = {number: signal.signal(number, self._receive) for number in (WARNING, signal.SIGTERM)}
        handlers[signal.SIGALRM] = signal.signal(signal.SIGALRM, _stop)
        over = threading.Event()
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, {WARNING})
        threading.Thread(target=_open_to_warning, args=(over,), daemon=True).start()
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            for number, handler in handlers.items():
                signal.signal(number, handler)
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
            over.set()

    def _receive(self, number: int, _: object) -> None:
        if os.getpid() != self._process:  # in a loader's worker, which was forked with this handler
            return
        if not self.given():
            signal.setitimer(signal.ITIMER_REAL, self._limit_s)
        if self._signal != WARNING:
            self._signal = number


def _stop(*_: object) -> None:
    raise Stopped("at the limit of its notice")


def _open_to_warning(over: threading.Event) -> None:
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {WARNING})
    over.wait()


def _still_ours() -> bool:
    """Tell whether SLURM still has this job as running, and has not settled that it ends."""
    job = (read_queue() or {}).get(JobEnvironment().job_id)
    return job is not None and job.state == "RUNNING"


def _count_unannounced(folder: CellFolder) -> None:
    """Record those of this job's restarts that came without a notice, so that each has its event."""
    told = 0
    for event in reversed(folder.events()):
        if event["event"] == "submitted":
            break
        told += event["event"] == EVENT
    for _ in range(int(os.environ.get(RESTARTS, "0")) - told):
        folder.event(EVENT, job=JobEnvironment().job_id, warned=False)
