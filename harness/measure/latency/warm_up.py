"""Warm-up: passes over all scans until one of them tunes nothing and takes no memory.

A tuner that has met every scan has met every shape, so two passes do for most; the next one is watched. What can't be
asked, as spconv's own tuner in C++, is not seen.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import count

import torch

from harness.measure.latency import WARMUP_PASSES
from harness.measure.latency.tuning import kernels_made
from harness.measure.latency.turns import in_turn
from harness.measure.memory import resident_mib
from harness.spec.latency import WarmUp

MOST_PASSES = 8
"""After which a network counts as one that never settles."""
RESIDENT_NOISE = 0.01
"""Share of the resident memory of a process by which it may grow on a CPU: the heap of a process that keeps freed
memory goes on growing a little, since each shuffled pass leaves other gaps in it."""


@dataclass(frozen=True)
class Footprint:
    """What a device's allocator and compilers have done so far.

    Attributes:
        held_mib: reserved by torch's allocator on a GPU, resident on a CPU.
        tolerance_mib: growth that means nothing.
        retries: times that the allocator gave its reserve back because memory was short.
        kernels: compiled or tuned.
    """

    held_mib: float
    tolerance_mib: float
    retries: int
    kernels: int

    @classmethod
    def now(cls, device: torch.device) -> Footprint:
        """Read it."""
        if device.type == "cuda":
            stats = torch.cuda.memory_stats(device)
            reserved_mib = stats.get("reserved_bytes.all.current", 0) / 2**20
            return cls(reserved_mib, 0.0, stats.get("num_alloc_retries", 0), kernels_made())
        resident = resident_mib()
        return cls(resident, RESIDENT_NOISE * resident, 0, kernels_made())

    def until(self, later: Footprint, passes: int) -> WarmUp:
        """Return what happened in between, as the last of so many passes."""
        growth_mib, tuned = later.held_mib - self.held_mib, later.kernels > self.kernels
        steady = growth_mib <= self.tolerance_mib and later.retries == self.retries
        settled = passes > WARMUP_PASSES and steady and not tuned
        return WarmUp(passes=passes, settled=settled, growth_mib=growth_mib, tuned=tuned)


def settle(passes: Sequence[Callable[[int], None]], device: torch.device) -> list[WarmUp]:
    """Let networks take turns until a whole round changed nothing for any of them, or `MOST_PASSES` are over.

    Args:
        passes: of each network, a pass over all scans with its number.
        device: whose memory is watched.

    Returns:
        What the last pass of each did.
    """
    for number in count():
        found = dict[int, WarmUp]()
        for place in in_turn(range(len(passes)), number):
            before = Footprint.now(device)
            passes[place](number)
            found[place] = before.until(Footprint.now(device), number + 1)
        if number + 1 == MOST_PASSES or all(one.settled for one in found.values()):
            break
    return [found[place] for place in range(len(passes))]
