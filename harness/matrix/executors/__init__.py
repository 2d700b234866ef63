"""Where the cells of a run are run: in this process, in several of this machine, or on a cluster."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal, Protocol

from harness.errors import HarnessError
from harness.matrix.order import CellOrder
from harness.matrix.progress import Progress

ExecutorName = Literal["debug", "local", "slurm"]

OnEnd = Callable[[CellOrder, str | None], None]
"""Called when an order's process has ended; with the reason when it died before it could say how the cell went."""

MayStart = Callable[[CellOrder], bool]
"""Asked just before an order starts; one that may not is passed over, and does not end."""


def always(order: CellOrder) -> bool:
    """Let every order start."""
    return True


class Executor(Protocol):
    """Runs orders, each by `harness.matrix.job.run_order`."""

    def run(self, orders: Sequence[CellOrder], progress: Progress, on_end: OnEnd, may_start: MayStart = always) -> None:
        """Run every order, each after that of its teacher where this is one of them, and return when all have ended.

        Args:
            orders: teachers before the students that need them.
            progress: told what begins.
            on_end: called once for each order that has started.
            may_start: whether an order's turn has come, or will never come.
        """


def build_executor(name: ExecutorName, out: Path, jobs: int | None = None, slurm: Sequence[str] = ()) -> Executor:
    """Return an executor; what it needs is imported here, since most commands need none of it.

    Args:
        name: which.
        out: folder of the run; the logs of processes are kept in its ``jobs/``.
        jobs: cells at once on this machine, for ``local`` alone.
        slurm: settings of ``slurm``, each as ``KEY=VALUE``.

    Raises:
        HarnessError: a setting is wrong, or of another executor.
    """
    if jobs is not None and name != "local":
        raise HarnessError(
            "--jobs", f"{jobs} with --executor {name}", "--executor local", "Add it, or leave --jobs out."
        )
    if slurm and name != "slurm":
        found, remedy = f"{slurm[0]} with --executor {name}", "Add it, or leave --slurm out."
        raise HarnessError("--slurm", found, "--executor slurm", remedy)
    if name == "slurm":
        from harness.matrix.executors.slurm import SlurmExecutor
        from harness.matrix.executors.slurm_settings import read_settings

        return SlurmExecutor(out / "jobs", read_settings(slurm))
    if name == "local":
        from harness.matrix.executors.local import LocalExecutor

        return LocalExecutor(out / "jobs", jobs)
    from harness.matrix.executors.debug import DebugExecutor

    return DebugExecutor()
