"""Peak memory of a piece of work."""

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
        if STATUS.exists():
            lines = (line.split() for line in STATUS.read_text().splitlines())
            return next(int(words[1]) for words in lines if words and words[0] == "VmHWM:") / 2**10
        unit = 2**20 if sys.platform == "darwin" else 2**10
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
