"""How many cells a machine runs at once, and what each of them may use."""

from __future__ import annotations

import os
from dataclasses import dataclass

import torch

from harness.errors import HarnessError
from harness.matrix.order import Resources

THREADS = "OMP_NUM_THREADS"
"""What torch, NumPy and the kernels in C++ take their number of threads from when a process begins."""


@dataclass(frozen=True)
class Lane:
    """The part of a machine that one cell at a time may use.

    Attributes:
        gpus: numbers of its GPUs, none on a CPU.
        threads: of each of its processes; None where the user's environment has settled that.
    """

    gpus: tuple[int, ...]
    threads: int | None


def lanes(resources: Resources, jobs: int | None, most: int) -> list[Lane]:
    """Divide this machine: a cell has as many GPUs as processes, and the cores are shared evenly.

    Args:
        resources: of each cell.
        jobs: cells at once; None: as many as there are GPUs for, and one on a CPU.
        most: there are no more cells than that to run.

    Raises:
        HarnessError: there are too few GPUs for one cell, or for `jobs` at once.
    """
    if resources.device.type == "cuda":
        shares = _shares(_usable_gpus(resources.device), resources.processes, jobs)
    else:
        shares = [()] * (jobs or 1)
    shares = shares[: max(1, most)]
    threads = threads_of_process(len(shares), resources.processes)
    return [Lane(share, threads) for share in shares]


def threads_of_process(cells: int, processes: int) -> int | None:
    """Return the threads of each process, with the cores shared evenly; None where the environment has settled that.

    Args:
        cells: at once.
        processes: of each cell.
    """
    return None if THREADS in os.environ else max(1, _cores() // (cells * processes))


def _shares(gpus: list[int], processes: int, jobs: int | None) -> list[tuple[int, ...]]:
    at_once = len(gpus) // processes
    if at_once == 0:
        remedy = f"Choose --processes {len(gpus)} or fewer." if gpus else "Choose --device cpu."
        raise HarnessError("--processes", f"{processes} for {len(gpus)} GPUs", "one GPU for each process", remedy)
    if jobs is not None and jobs > at_once:
        found = f"{jobs} cells at once of {processes} GPUs each, where {len(gpus)} can be used"
        raise HarnessError("--jobs", found, f"at most {at_once}", f"Choose --jobs {at_once}, or leave it out.")
    return [tuple(gpus[share * processes : (share + 1) * processes]) for share in range(jobs or at_once)]


def _usable_gpus(device: torch.device) -> list[int]:
    """Return the numbers of the GPUs that torch sees, or of the one that was asked for.

    Raises:
        HarnessError: they go by other names than numbers.
    """
    named = os.environ.get("CUDA_VISIBLE_DEVICES", "")
    names = named.split(",") if named else [str(number) for number in range(torch.cuda.device_count())]
    seen = names[: torch.cuda.device_count()]
    chosen = seen if device.index is None else seen[device.index : device.index + 1]
    try:
        return [int(name) for name in chosen]
    except ValueError as error:
        remedy = "Name them by number, or use --executor debug."
        raise HarnessError("CUDA_VISIBLE_DEVICES", repr(named), "numbers of GPUs", remedy) from error


def _cores() -> int:
    """Return the cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
