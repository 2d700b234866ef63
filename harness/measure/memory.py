"""Memory of a process and its GPU: what it holds, and the peak of a piece of work."""

from __future__ import annotations

import resource
import sys
from contextlib import suppress
from pathlib import Path

import torch

STATUS = Path("/proc/self/status")
CLEAR_REFS = Path("/proc/self/clear_refs")


class PeakMemory:
    """Peak memory since this object was made: allocated memory of a GPU, resident memory of the process on a CPU.

    Linux can start the resident peak anew; elsewhere, and where a container forbids it, the peak of the whole process
    stands, which is never too small.
    """

    def __init__(self, device: torch.device) -> None:
        self.device = device
        if device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(device)
        else:
            with suppress(OSError):
                CLEAR_REFS.write_text("5")

    def mib(self) -> float:
        """Return the peak so far in MiB."""
        if self.device.type == "cuda":
            return torch.cuda.max_memory_allocated(self.device) / 2**20
        return _status_mib("VmHWM")


def resident_mib() -> float:
    """Return the resident memory of this process in MiB; its peak, where the system tells no more."""
    return _status_mib("VmRSS")


def _status_mib(field: str) -> float:
    """Return a size that Linux tells of this process; its resident peak elsewhere."""
    if STATUS.exists():
        lines = (line.partition(":") for line in STATUS.read_text().splitlines())
        return next(int(size.split()[0]) for name, _, size in lines if name == field) / 2**10
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
