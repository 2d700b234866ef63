"""Orders, reports and records of measurements that nobody made."""

from __future__ import annotations

from typing import Any

import numpy as np
from made_runs import MINKOWSKINET, NAMES, run

from harness.measure.latency.merge import merge
from harness.measure.latency.order import NetworkOrder, NetworkReport, ProcessOrder, ProcessReport, named
from harness.measure.latency.scan_source import ScanSource
from harness.spec import LatencyRecord

SCANS = ScanSource(dataset="semantickitti", scans=("a.bin", "b.bin"))


def order(*widths: float, number: int = 1, passes: int = 10) -> ProcessOrder:
    networks = [
        NetworkOrder(backbone=MINKOWSKINET.model_copy(update={"width": width}), engine="portable")
        for width in widths or (0.5,)
    ]
    return ProcessOrder(
        number=number, networks=named(SCANS.dataset, networks), scans=SCANS, passes=passes, device="cpu"
    )


def report(told: ProcessOrder, median_ms: float = 10.0, **changes: Any) -> ProcessReport:
    """Medians of the networks lie one millisecond apart; every span takes a tenth."""
    networks = {
        name: NetworkReport(
            run=run(told.number, median_ms + place, told.passes),
            span_ms=dict.fromkeys(NAMES, (0.1 * median_ms,) * 2 * told.passes),
            voxels=(1000, 3000),
            engine_version="2",
        )
        for place, name in enumerate(told.networks)
    }
    facts = {"device_kind": "CPU", "device": "a CPU", "threads": 2, "torch": "2.5", "scans_sha256": "ab", "untold": {}}
    return ProcessReport(**{**facts, "networks": networks, **changes})


def record(width: float = 0.5, **changes: Any) -> LatencyRecord:
    told = order(width)
    [made] = merge(told, [report(order(width, number=number)) for number in (1, 2, 3)], "a commit").values()
    return made.model_copy(update=changes)


def samples(made: LatencyRecord) -> np.ndarray:
    """[processes, passes, scans]."""
    return np.array([one.end_to_end_ms for one in made.processes])
