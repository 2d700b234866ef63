"""What a prediction computes, counted."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from harness.spec.strict import Strict


class MacsResult(Strict):
    """Multiply-accumulates of a prediction, protocol macs-v1: Σ pairs·Cin·Cout, every layer of it counted.

    The lists have one entry per scan, in one order; a result of a version before 0.6 has none of them.
    """

    protocol: Literal["macs-v1"] = "macs-v1"
    scans: int
    gmacs_mean: float
    gmacs_min: float
    gmacs_max: float
    voxels_mean: float
    scan_ids: tuple[str, ...] = Field(default=(), description="the scans counted")
    macs: tuple[int, ...] = Field(default=(), description="of each scan")
    sites: tuple[tuple[int, ...], ...] = Field(default=(), description="active voxels by level, of each scan")
    pairs: tuple[int, ...] = Field(default=(), description="pairs of all kernel maps together, of each scan")
    layers: dict[str, float] = Field(default_factory=dict, description="GMACs by layer, mean over the scans")
    kinds: dict[str, float] = Field(default_factory=dict, description="GMACs by kind of layer, mean over the scans")
    executed_gmacs_mean: float | None = Field(
        default=None,
        description="what the engine multiplied, padding included: a diagnostic, no cost of the network; "
        "None where the engine doesn't tell",
    )
