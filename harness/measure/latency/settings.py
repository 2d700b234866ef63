"""How much protocol latency-v1 measures."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class LatencySettings:
    """How much is measured; the defaults are the protocol's.

    Attributes:
        scans: of each data set, or all there are.
        passes: timed passes over all scans in a process.
        processes: fresh ones.
    """

    scans: int = 200
    passes: int = 10
    processes: int = 3
