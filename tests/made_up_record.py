"""Latency records as measurements make them of their processes, to change."""

from __future__ import annotations

from typing import Any

from harness.measure.latency import HOST_CLOCK, SPANS
from harness.measure.latency.merge import merge
from harness.measure.latency.order import NetworkOrder, NetworkReport, ProcessOrder, ProcessReport, named
from harness.measure.latency.scan_source import ScanSource
from harness.spec import BackboneSpec, LatencyRecord, MachineState, ProcessRun, WarmUp

MINKOWSKINET = BackboneSpec(name="minkowskinet", width=0.5, voxel_size_m=0.05, classes=19)
SCANS = ScanSource(dataset="semantickitti", scans=tuple(f"sequences/08/velodyne/0000{frame}0.bin" for frame in "01"))
PASSES = 10


def process(number: int, driver: str | None) -> ProcessRun:
    state = MachineState(name="H200", driver=driver)
    return ProcessRun(
        number=number,
        cold_start_ms=90,
        warm_up=WarmUp(passes=3, settled=True, growth_mib=0, tuned=False),
        end_to_end_ms=((19.0, 21.0),) * PASSES,
        spans={},
        peak_memory_mib=100,
        energy_mj_per_scan=None,
        before=state,
        after=state,
    )


def together(*backbones: BackboneSpec) -> list[LatencyRecord]:
    """Return the records of networks that were timed in the same three processes."""
    orders = [NetworkOrder(backbone=backbone, engine="portable") for backbone in backbones]
    names = named(SCANS.dataset, orders)
    order = ProcessOrder(number=1, networks=names, scans=SCANS, passes=PASSES, device="cuda")
    return list(merge(order, [_report(number, names) for number in (1, 2, 3)], "c0ffee").values())


def record(**changes: Any) -> LatencyRecord:
    """Return the record of a network that was timed beside one of twice its width."""
    first, _ = together(MINKOWSKINET, MINKOWSKINET.model_copy(update={"width": 1.0}))
    return LatencyRecord(**{**dict(first), "harness": "0.6.0", **changes})


def _report(number: int, names: dict[str, NetworkOrder]) -> ProcessReport:
    spans = dict.fromkeys((*SPANS, HOST_CLOCK), (4.0,) * 2 * PASSES)
    network = NetworkReport(run=process(number, "550.1"), span_ms=spans, voxels=(100, 200), engine_version="1")
    return ProcessReport(
        device_kind="GPU",
        device="H200",
        threads=4,
        torch="2.13.0",
        scans_sha256="ab" * 32,
        networks=dict.fromkeys(names, network),
        untold={},
    )
