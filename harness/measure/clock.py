"""Time marks on a device: CUDA events on a GPU, the host's clock on a CPU."""

from __future__ import annotations

import time
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

import torch


@dataclass(frozen=True)
class Reading:
    """What a clock says once the work is done.

    Attributes:
        intervals_ms: between neighbouring marks, on the device.
        host_ms: from the first mark until the host knew of the last one, by the host's clock.
    """

    intervals_ms: list[float]
    host_ms: float


class Clock(Protocol):
    """A row of time marks, read when the work between them is done."""

    def mark(self) -> None:
        """Set a mark after the work queued so far."""
        ...

    def read(self) -> Reading:
        """Wait for the last mark and return what lies between the marks."""
        ...


class HostClock:
    """Marks of `time.perf_counter`, for work that is done when the call returns."""

    def __init__(self) -> None:
        self._marks: list[float] = []

    def mark(self) -> None:
        """Set a mark now."""
        self._marks.append(time.perf_counter())

    def read(self) -> Reading:
        """Return what lies between the marks; the host knows of each at once."""
        return Reading([1e3 * (b - a) for a, b in pairwise(self._marks)], 1e3 * (self._marks[-1] - self._marks[0]))


class CudaClock:
    """Marks in the queue of a GPU's current stream, read after one synchronisation."""

    def __init__(self, device: torch.device) -> None:
        self._stream = torch.cuda.current_stream(device)
        self._marks: list[torch.cuda.Event] = []
        self._start_s = time.perf_counter()

    def mark(self) -> None:
        """Queue a mark."""
        event = torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]
        event.record(self._stream)
        self._marks.append(event)

    def read(self) -> Reading:
        """Synchronise once and return what lies between the marks."""
        self._marks[-1].synchronize()
        host_ms = 1e3 * (time.perf_counter() - self._start_s)
        return Reading([a.elapsed_time(b) for a, b in pairwise(self._marks)], host_ms)


def start_clock(device: torch.device) -> Clock:
    """Return a clock for `device` with its first mark set, the device idle."""
    clock: Clock
    if device.type == "cuda":
        torch.cuda.synchronize(device)
        clock = CudaClock(device)
    else:
        clock = HostClock()
    clock.mark()
    return clock
