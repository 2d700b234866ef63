"""One sitting of a training: what it ran on, what it did and what it cost."""

from __future__ import annotations

import re
from collections.abc import Iterable

from pydantic import Field

from harness.spec.strict import Strict

OLD_THREADS = re.compile(r", (\d+) threads$")
"""How the oldest results end the name of a CPU."""

SEVERAL = re.compile(r"^\d+ processes of ")
"""How `TrainingResult.devices` begins the name of the device of each of several processes."""


class SittingResult(Strict):
    """The part of a training that one process made, or several together, up to its last checkpoint."""

    device: str = Field(description="of each process: its name and, of a CPU, its threads")
    processes: int = Field(description="that shared each batch")
    micro_batch: int | None = Field(description="most scans in one forward pass; None: the whole batch")
    steps: int = Field(description="made in it")
    seconds: float = Field(description="until its last checkpoint")
    harness: str | None = Field(description="version that trained; None: one before 0.5, which did not say")
    commit: str | None = Field(description="of the working copy that trained; None when installed, or not said")


def plain_device(device: str) -> str:
    """Return an entry of `TrainingResult.devices` without the number of processes, as `SittingResult` has it."""
    return SEVERAL.sub("", OLD_THREADS.sub(r", threads: \1", device))


def sitting_before_records(
    devices: Iterable[str], steps: int, seconds: float, micro_batch: int | None, processes: int
) -> SittingResult:
    """Return all sittings of a training as one, which is what versions before 0.5 tell of them.

    Args:
        devices: of the sittings; where they differ all are named.
        steps: of all sittings.
        seconds: of all sittings.
        micro_batch: the smallest of any sitting.
        processes: the most of any sitting.
    """
    return SittingResult(
        device="; ".join(dict.fromkeys(map(plain_device, devices))),
        processes=processes,
        micro_batch=micro_batch,
        steps=steps,
        seconds=seconds,
        harness=None,
        commit=None,
    )
