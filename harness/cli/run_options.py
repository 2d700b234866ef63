"""Options of `harness run` that say where its cells run and what each may use."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.cli.options import device_option
from harness.errors import HarnessError

if TYPE_CHECKING:
    import torch

    from harness.matrix.executors import Executor, ExecutorName
    from harness.matrix.order import Resources

EXECUTORS = ("debug", "local", "slurm")
MOST_JOBS, MOST_PROCESSES, MOST_WORKERS = 256, 64, 64


@dataclass(frozen=True)
class AtOnce:
    """How a place is divided.

    Attributes:
        cells: that run at once.
        threads: of each process of a cell on a CPU; None where that is not for the place to say.
    """

    cells: int
    threads: int | None


@dataclass(frozen=True)
class Place:
    """Where cells run, as a user chose it.

    Attributes:
        executor: name.
        jobs: cells at once, for ``local``.
        slurm: settings of ``slurm``, each as ``KEY=VALUE``.
        device: to run on.
        processes: that share a cell.
        micro_batch: most scans in one forward pass; None: as many as the batch has.
        workers: loader processes of a cell.
        tensorboard: also write the loss terms for TensorBoard.
    """

    executor: ExecutorName
    jobs: int | None
    slurm: tuple[str, ...]
    device: str
    processes: int
    micro_batch: int | None
    workers: int
    tensorboard: bool

    def resources(self) -> Resources:
        """Return what a cell may use.

        Raises:
            HarnessError: there is no such device, or there are too few of them for the processes.
        """
        from harness.matrix.order import Resources
        from harness.measure.device import choose_device

        device = self._remote_gpu() if self._asks_cluster_for_gpus else choose_device(self.device)
        resources = Resources(device, self.workers, self.tensorboard, self.processes, self.micro_batch)
        if device.type == "cuda" and not self.remote:
            self._check_gpus(resources)
        return resources

    @property
    def remote(self) -> bool:
        """Whether cells run on other machines than this one."""
        return self.executor == "slurm"

    def at_once(self, resources: Resources, cells: int) -> AtOnce:
        """Return how many of some cells run at once, and with how many threads in each process.

        Raises:
            HarnessError: there are too few GPUs.
        """
        from harness.matrix.executors.lanes import lanes, threads_of_process
        from harness.matrix.executors.slurm_settings import read_settings

        if self.executor == "local":
            divided = lanes(resources, self.jobs, cells)
            return AtOnce(len(divided), divided[0].threads)
        if self.executor == "slurm":
            return AtOnce(max(1, min(cells, read_settings(self.slurm).array_parallelism)), None)
        return AtOnce(1, threads_of_process(1, self.processes) if self.processes > 1 else None)

    def build(self, out: Path) -> Executor:
        """Return the executor.

        Raises:
            HarnessError: a setting is wrong, or of another executor.
        """
        from harness.matrix.executors import build_executor

        return build_executor(self.executor, out, self.jobs, self.slurm)

    @property
    def _asks_cluster_for_gpus(self) -> bool:
        return self.remote and self.device.partition(":")[0] == "cuda"

    def _remote_gpu(self) -> torch.device:
        """Return the GPU of a job: what a cluster's machines have, this one need not.

        Raises:
            HarnessError: it has a number, which SLURM gives.
        """
        import torch

        if self.device != "cuda":
            found, remedy = f"{self.device!r} with --executor slurm", "Choose --device cuda."
            raise HarnessError("--device", found, "cuda: each job has the GPUs that SLURM gives it", remedy)
        return torch.device("cuda")

    def _check_gpus(self, resources: Resources) -> None:
        """Refuse more processes, or more cells at once, than there are GPUs for.

        Raises:
            HarnessError: there are too few.
        """
        import torch

        processes, gpus = resources.processes, torch.cuda.device_count()
        if processes > 1 and resources.device.index is not None:
            found, remedy = f"{processes} on the one GPU of --device {self.device}", "Choose --device cuda."
            raise HarnessError("--processes", found, "one GPU for each process", remedy)
        if processes > gpus:
            remedy = f"Choose --processes {gpus} or fewer."
            raise HarnessError("--processes", f"{processes} for {gpus} GPUs", "one GPU for each process", remedy)
        self.at_once(resources, 1)


def place_options(verb: Callable[..., None]) -> Callable[..., None]:
    """Give a verb the options that choose where its cells run; it takes them as one argument, ``place``."""

    @functools.wraps(verb)
    def chosen(**others: Any) -> None:
        keys = ("executor", "jobs", "slurm", "device", "processes", "micro_batch", "workers", "tensorboard")
        verb(place=Place(**{key: others.pop(key) for key in keys}), **others)

    wrapped: Callable[..., None] = chosen
    for option in reversed(_OPTIONS):
        wrapped = option(wrapped)
    return wrapped


_OPTIONS = (
    click.option(
        "--executor",
        type=click.Choice(EXECUTORS),
        default=EXECUTORS[0],
        show_default=True,
        help="debug: one cell after another, in this process. local: a process for each cell, several at once. "
        "slurm: job arrays on a cluster.",
    ),
    click.option(
        "--jobs",
        type=click.IntRange(1, MOST_JOBS),
        metavar="N",
        help="Of local: cells at once. Default: as many as there are GPUs for, --processes for each; on a CPU one.",
    ),
    click.option(
        "--slurm",
        multiple=True,
        metavar="KEY=VALUE",
        help="Of slurm: partition, account, time, gres, ...; repeatable. Else [slurm] of ./harness.toml.",
    ),
    device_option,
    click.option(
        "--processes",
        type=click.IntRange(1, MOST_PROCESSES),
        default=1,
        show_default=True,
        metavar="N",
        help="Processes that share each batch of a cell, on GPUs one for each; no more than a batch has scans.",
    ),
    click.option(
        "--micro-batch",
        type=click.IntRange(1),
        metavar="N",
        help="Most scans in one forward pass; the batch of a step stays what the recipe says. Default: all of it.",
    ),
    click.option(
        "--workers",
        type=click.IntRange(0, MOST_WORKERS),
        default=0,
        show_default=True,
        metavar="N",
        help="Loader processes of each process of a cell; 0: it reads its scans itself.",
    ),
    click.option("--tensorboard", is_flag=True, help="Also write the loss terms to the cells' tensorboard/ folders."),
)
