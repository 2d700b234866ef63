"""Time marks on a device: CUDA events on a GPU, the host's clock on a CPU."""

from __future__ import annotations

import time
from typing import Protocol

import torch


class Clock(Protocol):
    """A row of time marks, read when the work between them is done."""

    def mark(self) -> None:
        """Set a mark after the work queued so far."""
        ...

    def intervals_ms(self) -> list[float]:
        """Wait for the last mark and return the milliseconds between neighbouring marks."""
        ...


class HostClock:
    """Marks of `time.perf_counter`, for work that is done when the call returns."""

    def __init__(self) -> None:
        self._marks: list[float] = []

    def mark(self) -> None:
        """Set a mark now."""
        self._marks.append(time.perf_counter())

    def intervals_ms(self) -> list[float]:
        """Return the milliseconds between neighbouring marks."""
        return [1e3 * (b - a) for a, b in zip(self._marks, self._marks[1:], strict=False)]


class CudaClock:
    """Marks in the current stream's queue, read after one synchronisation."""

    def __init__(self) -> None:
        self._marks: list[torch.cuda.Event] = []

    def mark(self) -> None:
        """Queue a mark."""
        event = torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]
        event.record()
        self._marks.append(event)

    def intervals_ms(self) -> list[float]:
        """Synchronise once and return the milliseconds between neighbouring marks."""
        self._marks[-1].synchronize()
        return [a.elapsed_time(b) for a, b in zip(self._marks, self._marks[1:], strict=False)]


def start_clock(device: torch.device) -> Clock:
    """Return a clock for `device` with its first mark set, the device idle."""
    clock: Clock
    if device.type == "cuda":
        torch.cuda.synchronize(device)
        clock = CudaClock()
    else:
        clock = HostClock()
    clock.mark()
    return clock
