"""The machine: processor, memory, disks."""

from __future__ import annotations

import os
import platform
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

import torch

from harness.measure.device import describe_device

GIB = 1 << 30
MEMINFO = Path("/proc/meminfo")


@dataclass(frozen=True)
class Disk:
    """Free space where something is written."""

    path: str
    free_gib: float
    writable: bool


@dataclass(frozen=True)
class Machine:
    """Everything but the GPUs, which `TorchBuild` has.

    Attributes:
        system: operating system, release and instruction set.
        python: its version.
        cpu: model.
        logical_cores: of the machine.
        usable_cores: those that this process may run on.
        memory_gib: of the machine.
        available_gib: what can be had without swapping; None where the system does not say.
        out: where a run writes.
        temporary: where temporary files go.
    """

    system: str
    python: str
    cpu: str
    logical_cores: int
    usable_cores: int
    memory_gib: float
    available_gib: float | None
    out: Disk
    temporary: Disk


def inspect_machine(out: Path) -> Machine:
    """Look at the processor, the memory, and the disks of the output folder and of temporary files."""
    cores = os.cpu_count() or 1
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else cores
    return Machine(
        system=f"{platform.system()} {platform.release()} {platform.machine()}",
        python=platform.python_version(),
        cpu=describe_device(torch.device("cpu")),
        logical_cores=cores,
        usable_cores=usable,
        memory_gib=os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / GIB,
        available_gib=_available_gib(),
        out=inspect_disk(out),
        temporary=inspect_disk(Path(tempfile.gettempdir())),
    )


def inspect_disk(path: Path) -> Disk:
    """Look at the disk that a folder is on, or will be on once it is made."""
    folder = path.absolute()
    # Asked first, since `is_dir` raises where a folder above may not be searched.
    while not (os.access(folder, os.F_OK) and folder.is_dir()):
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    return Disk(path=str(path.absolute()), free_gib=free / GIB, writable=os.access(folder, os.W_OK))


def _available_gib() -> float | None:
    """Return the memory that can be had without swapping, where the system says so."""
    if not MEMINFO.exists():
        return None
    lines = (line.split() for line in MEMINFO.read_text().splitlines())
    return next((int(words[1]) * 1024 / GIB for words in lines if words and words[0] == "MemAvailable:"), None)
