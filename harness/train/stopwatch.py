"""What a training costs, sitting by sitting."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from harness.data.share import Share
from harness.measure.device import describe_with_threads
from harness.measure.memory import PeakMemory
from harness.spec import SittingResult, sitting_before_records
from harness.version import VERSION


@dataclass(frozen=True)
class Spent:
    """What the sittings of a training have cost that left a checkpoint.

    Attributes:
        sittings: in order.
        peak_memory_mib: largest of them; None before any.
    """

    sittings: tuple[SittingResult, ...] = ()
    peak_memory_mib: float | None = None

    @property
    def seconds(self) -> float:
        """Of all sittings."""
        return sum(sitting.seconds for sitting in self.sittings)


class Stopwatch:
    """This sitting of a training, and those before it.

    Args:
        device: of this process; the others have one of the same kind.
        share: of the steps.
        batch_size: scans of a step.
        commit: of the working copy that trains; None when it is none.
    """

    def __init__(self, device: torch.device, share: Share, batch_size: int, commit: str | None = None) -> None:
        self._now = SittingResult(
            device=describe_with_threads(device),
            processes=share.processes,
            micro_batch=None if share.micro_batch == batch_size else share.micro_batch,
            steps=0,
            seconds=0,
            harness=VERSION,
            commit=commit,
        )
        self._before, self._devices, self._first_step = Spent(), list[str](), 0
        self._start = self.last_checkpoint = time.monotonic()
        self._memory = PeakMemory(device)

    def take_up(self, state: dict[str, Any]) -> None:
        """Go on from a checkpoint."""
        self._before, self._devices, self._first_step = spent_by(state), state["devices"], state["step"]

    def since_checkpoint(self) -> float:
        """Return the seconds since the last checkpoint."""
        return time.monotonic() - self.last_checkpoint

    def cost(self, step: int) -> dict[str, Any]:
        """Return what a checkpoint after this step keeps."""
        facts = {"steps": step - self._first_step, "seconds": time.monotonic() - self._start}
        now = self._now.model_copy(update=facts)
        several = f"{now.processes} processes of " if now.processes > 1 else ""
        return {
            "seconds": self._before.seconds + now.seconds,
            "peak_memory_mib": max(self._before.peak_memory_mib or 0.0, self._memory.mib()),
            "devices": [*self._devices, several + now.device],
            "sittings": [sitting.model_dump() for sitting in (*self._before.sittings, now)],
        }


def spent_by(state: dict[str, Any]) -> Spent:
    """Return what a checkpoint tells; one of a version before 0.5 tells of all its sittings together."""
    if "sittings" in state:
        sittings = tuple(SittingResult.model_validate(sitting) for sitting in state["sittings"])
    else:
        parts = state.get("micro_batch"), state.get("processes", 1)
        sittings = (sitting_before_records(state["devices"], state["step"], state["seconds"], *parts),)
    return Spent(sittings, state["peak_memory_mib"])


def spent_so_far(folder: Path, spec_hash: str) -> Spent:
    """Return what the newest checkpoint tells, in a moment however large it is: its tensors are not read.

    Args:
        folder: the cell's checkpoint folder.
        spec_hash: the cell's identity.

    Returns:
        Nothing spent when there is no checkpoint, or none of this cell that can be read.
    """
    try:
        newest = max(folder.glob("*.pt"))
        state = torch.load(newest, map_location="cpu", weights_only=True, mmap=True)
        return spent_by(state) if state["spec"] == spec_hash else Spent()
    except Exception:  # this only tells of a cost: whoever goes on from the checkpoint says what is wrong with it
        return Spent()
