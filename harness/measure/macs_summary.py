"""The record of MACs: the counts of single scans, put together."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

from harness.measure.macs import KINDS, MacsCount
from harness.spec import MacsResult


def summarise(counts: Sequence[MacsCount]) -> MacsResult:
    """Return the record of a network on a list of scans, each counted as a batch of its own; in units of 10⁹ MACs.

    Raises:
        ValueError: no count, or one of several scans.
    """
    if not counts or any(len(count.scan_ids) != 1 for count in counts):
        raise ValueError(f"a count for each scan, not {[count.scan_ids for count in counts]}")
    totals, scans = [count.total for count in counts], len(counts)
    executed = [count.executed for count in counts if count.executed is not None]
    return MacsResult(
        scans=scans,
        gmacs_mean=_giga(totals, scans),
        gmacs_min=min(totals) / 1e9,
        gmacs_max=max(totals) / 1e9,
        voxels_mean=sum(count.sites[0] for count in counts) / scans,
        scan_ids=tuple(count.scan_ids[0] for count in counts),
        macs=tuple(totals),
        sites=tuple(count.sites for count in counts),
        pairs=tuple(count.pairs for count in counts),
        layers={path: _giga(numbers, scans) for path, numbers in macs_by_layer(counts).items()},
        kinds={kind: _giga([count.kinds[kind] for count in counts], scans) for kind in KINDS},
        executed_gmacs_mean=_giga(executed, scans) if len(executed) == scans else None,
    )


def macs_by_layer(counts: Sequence[MacsCount]) -> dict[str, list[int]]:
    """Return the MACs of every layer, one number per scan; 0 for a scan on which it has none."""
    paths = dict.fromkeys(chain.from_iterable(count.layers for count in counts))
    return {path: [c.layers[path].macs if path in c.layers else 0 for c in counts] for path in paths}


def _giga(numbers: Sequence[int], scans: int) -> float:
    """Return a mean over scans in units of 10⁹."""
    return sum(numbers) / scans / 1e9
