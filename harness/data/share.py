"""How the scans of a step are shared: cut into parts, one forward pass each, which lie on one process or several."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Part:
    """Scans that pass through the networks together.

    Attributes:
        scan_ids: of the part; none in a round in which this process has nothing to do.
        weight: share of the step's scans, 0–1: what its loss counts in the loss of the step.
    """

    scan_ids: tuple[str, ...]
    weight: float


@dataclass(frozen=True)
class Share:
    """What one process has of every step.

    The parts depend on `micro_batch` alone, so that one process that makes them one after another and several that make
    them side by side compute the same.

    Attributes:
        micro_batch: most scans of a part.
        rank: of this process, from 0.
        processes: that share each step.
    """

    micro_batch: int
    rank: int = 0
    processes: int = 1

    def parts(self, scan_ids: Sequence[str]) -> tuple[Part, ...]:
        """Return this process's part of each round of a step; the processes make a round at the same time.

        The step is cut in order, and part k is that of process k modulo `processes`. In the last round some processes
        may have nothing: theirs is a part without scans, of weight 0.
        """
        starts = range(0, len(scan_ids), self.micro_batch)
        cut = [tuple(scan_ids[start : start + self.micro_batch]) for start in starts]
        rounds = math.ceil(len(cut) / self.processes)
        own = cut[self.rank :: self.processes]
        own += [()] * (rounds - len(own))
        return tuple(Part(ids, len(ids) / len(scan_ids)) for ids in own)


def scans_per_part(batch_size: int, micro_batch: int | None, processes: int = 1) -> int:
    """Return the most scans in one forward pass.

    Args:
        batch_size: scans of a step.
        micro_batch: the most there may be; None: as many as the batch has.
        processes: that share the step; with fewer parts than that, some would never have anything to do.

    Raises:
        ValueError: a number is below 1.
    """
    if min(batch_size, processes, 1 if micro_batch is None else micro_batch) < 1:
        raise ValueError(f"batch_size {batch_size}, micro_batch {micro_batch} and processes {processes} are above 0")
    even = math.ceil(batch_size / processes)
    return even if micro_batch is None else min(micro_batch, even)
