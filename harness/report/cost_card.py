"""The protocol cards of what a network costs: multiply-accumulates and time."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

from harness.report.flat import SEVERAL, as_text, flat_network
from harness.spec import LatencyRecord, LatencyResult, MacsResult

DIGITS = 12
"""Of a hash that names a list: as many as the identity of a cell has."""


def card_of_macs(macs: MacsResult) -> dict[str, str]:
    """Return what sets a count of MACs apart from another; a version before 0.6 does not tell of which scans it is."""
    card = {"macs.protocol": macs.protocol, "macs.scans": str(macs.scans)}
    return card | ({"macs.scan_list": hash_of_list(macs.scan_ids)} if macs.scan_ids else {})


def card_of_own_latency(latency: LatencyResult) -> dict[str, str]:
    """Return what sets a time that a cell took of itself apart from another."""
    return {
        "latency.protocol": latency.protocol,
        "latency.machine": f"{latency.device_kind} {latency.device}",
        "latency.threads": str(latency.threads),
        "latency.scans": str(latency.scans),
        "latency.passes": str(latency.passes),
    }


def card_of_latency(record: LatencyRecord) -> dict[str, str]:
    """Return the card of a time by the complete protocol, latency-v1. Weights and recipe have no part in it."""
    states = [state for run in record.processes for state in (run.before, run.after)]
    drivers = dict.fromkeys(state.driver for state in states if state.driver is not None)
    return {
        "data": record.dataset,
        "data.synthetic": str(record.synthetic),
        **flat_network(record.backbone),
        "engine": record.engine,
        "engine_version": record.engine_version,
        "precision": record.precision,
        "torch": record.torch,
        "harness": record.harness,
        "commit": as_text(record.commit),
        "latency.protocol": record.protocol,
        "latency.machine": f"{record.device_kind} {record.device}",
        "latency.driver": SEVERAL.join(drivers) or "none",
        "latency.threads": str(record.threads),
        "latency.scans": str(len(record.scan_ids)),
        "latency.scan_list": hash_of_list(record.scan_ids),
        "latency.points": record.scans_sha256[:DIGITS],
        "latency.passes": str(record.passes),
        "latency.processes": str(len(record.processes)),
        "latency.timed_together": as_text(sorted({record.network, *record.interleaved_with})),
        "latency.verdict": ": ".join([record.verdict, *filter(None, ["; ".join(record.reasons)])]),
    }


def hash_of_list(scan_ids: Sequence[str]) -> str:
    """Return 12 hexadecimal digits that name a list of scans: of the SHA-256 of its ids, a line each."""
    return sha256("".join(f"{scan_id}\n" for scan_id in scan_ids).encode()).hexdigest()[:DIGITS]
