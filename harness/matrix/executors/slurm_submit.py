"""Hand cells to SLURM as job arrays, by submitit."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from submitit import SlurmExecutor as Submitit
from submitit.core.utils import FailedJobError, FailedSubmissionError

from harness.errors import HarnessError
from harness.matrix.executors.slurm_job import Submission
from harness.matrix.executors.slurm_settings import SlurmSettings
from harness.matrix.executors.worker import OrderJob
from harness.matrix.order import CellOrder, Resources
from harness.matrix.preemption import stop_on_preemption
from harness.store import Store


def submit(
    orders: Sequence[CellOrder], after: Sequence[str], folder: Path, settings: SlurmSettings
) -> list[Submission]:
    """Submit cells as one array; of a single cell, as a job.

    Args:
        orders: what to run.
        after: ids of jobs or arrays that have to have ended before any of it starts, however they have.
        folder: for scripts and logs; every machine of the cluster sees it under this path.
        settings: of each job.

    Raises:
        HarnessError: SLURM refuses, in its own words.
    """
    executor = Submitit(folder, max_num_timeout=settings.max_requeues)
    dependency = f"afterany:{':'.join(after)}" if after else None
    executor.update_parameters(**parameters(settings, orders[0].resources), dependency=dependency)
    try:
        with executor.batch():
            jobs = [executor.submit(_job(order, settings), order) for order in orders]
    except (FailedJobError, FailedSubmissionError) as error:
        remedy = "Mend the settings of --slurm or of [slurm] in harness.toml: see docs/cluster.md."
        raise HarnessError("sbatch", _in_one_line(error), "a job that SLURM takes", remedy) from error
    return [Submission(order, job) for order, job in zip(orders, jobs, strict=True)]


def parameters(settings: SlurmSettings, resources: Resources) -> dict[str, Any]:
    """Return what submitit writes into the script of a job: one task, which starts the processes of its cell itself.

    Raises:
        HarnessError: there are fewer GPUs than processes of a cell.
    """
    cpus = settings.cpus_per_task or resources.processes * (1 + resources.workers)
    extra = {"requeue": True} | ({} if settings.mem is None else {"mem": settings.mem})
    return {
        "job_name": "harness",
        "nodes": 1,
        "ntasks_per_node": 1,
        "time": settings.time,
        "partition": settings.partition,
        "account": settings.account,
        "qos": settings.qos,
        "constraint": settings.constraint,
        "gres": settings.gres,
        "gpus_per_node": _gpus(settings, resources),
        "cpus_per_task": cpus,
        "srun_args": [f"--cpus-per-task={cpus}"],  # since SLURM 22.05 srun does not take it from the job
        "signal_delay_s": settings.signal_delay_s,
        "array_parallelism": settings.array_parallelism,
        "setup": list(settings.setup),
        "stderr_to_stdout": True,
        "wckey": None,
        "additional_parameters": extra,
    }


def _gpus(settings: SlurmSettings, resources: Resources) -> int | None:
    if resources.device.type != "cuda" or settings.gres is not None:
        return settings.gpus_per_node
    asked = settings.gpus_per_node or resources.processes
    if asked < resources.processes:
        found, expected = f"gpus_per_node {asked}", f"{resources.processes}, one for each process of a cell"
        raise HarnessError("--slurm", found, expected, "Ask for more, or choose fewer --processes.")
    return asked


def _job(order: CellOrder, settings: SlurmSettings) -> OrderJob:
    """Return what the job runs; half of the warning is for the cell to stop, half for the way back into the queue."""
    folder = Store(order.out).find(order.cell)
    return OrderJob(partial(stop_on_preemption, folder, settings.signal_delay_s / 2))


def _in_one_line(error: Exception) -> str:
    lines = [line.strip().removeprefix("sbatch: ") for line in str(error).splitlines()]
    return "; ".join(line for line in lines if line) or "no answer"
