"""What a scan takes: the record of protocol latency-v1, and the core of it that a cell measures on itself."""

from __future__ import annotations

import json
from typing import Literal

from pydantic import Field

from harness.spec.cell import BackboneSpec, DatasetName
from harness.spec.strict import Strict

DeviceKind = Literal["CPU", "GPU"]


class SpanResult(Strict):
    """Distribution of one span over all samples, in milliseconds."""

    p50_ms: float
    p95_ms: float
    p99_ms: float | None = Field(description="None below 200 samples")
    mean_ms: float
    mad_ms: float = Field(description="median absolute deviation")
    p50_interval_ms: tuple[float, float] | None = Field(default=None, description="95 %, bootstrap; latency-v1 alone")
    p95_interval_ms: tuple[float, float] | None = Field(default=None, description="95 %, bootstrap; latency-v1 alone")


class LatencyFit(Strict):
    """Least-squares line through all samples: ms = intercept + slope · voxels / 1000."""

    intercept_ms: float
    ms_per_1000_voxels: float
    slope_interval: tuple[float, float] | None = Field(default=None, description="95 %, bootstrap; latency-v1 alone")


class LatencyResult(Strict):
    """Time of one scan, batch 1, kernel maps included, measured by a cell on itself: the core of latency-v1.

    A name of its own, so that no figure of the complete protocol is ever mistaken for one of these.
    """

    protocol: Literal["latency-v1-core"] = "latency-v1-core"
    device_kind: DeviceKind
    device: str
    threads: int
    scans: int
    passes: int
    end_to_end: SpanResult
    spans: dict[str, SpanResult]
    fit: LatencyFit | None = Field(description="None when the scans have too similar numbers of voxels")
    cold_start_ms: float | None = Field(description="the first scan of a fresh process; None in one that ran before")


class MachineState(Strict):
    """What a device says of itself at one moment; None or empty where it can't be asked."""

    name: str
    driver: str | None = None
    sm_clock_mhz: int | None = Field(default=None, description="of the GPU's cores, or of the CPU")
    memory_clock_mhz: int | None = None
    temperature_c: int | None = None
    power_w: float | None = None
    throttle_reasons: tuple[str, ...] = ()
    other_processes: int | None = Field(default=None, description="that compute on the device beside this one")
    mig: bool | None = Field(default=None, description="a slice of a device, whose clocks and power are shared")
    load: float | None = Field(default=None, description="of a CPU: cores kept busy by others since the last look")


class WarmUp(Strict):
    """What the warm-up found: two passes over all scans, then a third that must change nothing."""

    passes: int = Field(description="until a pass changed nothing")
    settled: bool
    growth_mib: float = Field(description="growth of the allocator in the last of them")
    tuned: bool = Field(description="a kernel was still tuned or compiled in the last of them")


class ProcessRun(Strict):
    """One fresh process of a measurement."""

    number: int
    cold_start_ms: float
    warm_up: WarmUp
    end_to_end_ms: tuple[tuple[float, ...], ...] = Field(description="[passes][scans], scans in the list's order")
    spans: dict[str, SpanResult]
    peak_memory_mib: float
    energy_mj_per_scan: float | None = Field(description="millijoules, idle subtracted; None where nothing counts them")
    before: MachineState
    after: MachineState
    sm_clocks_mhz: tuple[int, int] | None = Field(
        default=None, description="lowest and highest that were seen from before to after; None where none is told"
    )
    memory_clocks_mhz: tuple[int, int] | None = Field(default=None, description="likewise, of the GPU's memory")


def usual_name(dataset: DatasetName, backbone: BackboneSpec) -> str:
    """Return what a network on a data set is called, unless two are called so: ``semantickitti-minkowskinet-w0.5``."""
    return f"{dataset}-{backbone.name}-w{backbone.width:g}"


class Subject(Strict):
    """What a time is of: a network on an engine, and the kind of data it reads. Device and scans are not in it."""

    dataset: DatasetName
    synthetic: bool
    backbone: BackboneSpec
    engine: str
    precision: Literal["fp32"] = "fp32"

    @property
    def name(self) -> str:
        """Its `usual_name`, for people and files."""
        return usual_name(self.dataset, self.backbone)

    @property
    def text(self) -> str:
        """All of it as a text: equal for equal subjects, and for no others."""
        return json.dumps(self.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))


class LatencyRecord(Strict):
    """Time of one scan, batch 1, by protocol latency-v1: one network on one scan list on one device.

    Weights don't matter: a sparse network's work is decided by its layers and the scan.
    """

    schema_version: Literal[1] = 1
    protocol: Literal["latency-v1"] = "latency-v1"
    dataset: DatasetName
    synthetic: bool
    backbone: BackboneSpec
    name: str | None = Field(
        default=None, description="its own where another one timed in the same processes has its usual name too"
    )
    engine: str
    engine_version: str
    precision: Literal["fp32"] = "fp32"
    device_kind: DeviceKind
    device: str
    threads: int
    torch: str
    harness: str
    commit: str | None
    scan_ids: tuple[str, ...] = Field(description="the scan list, stratified by voxel-count decile")
    scans_sha256: str = Field(description="of the bytes of the listed scans' points, in order")
    voxels: tuple[int, ...] = Field(description="active voxels of each scan")
    interleaved_with: tuple[str, ...] = Field(
        description="`network` of each of the others timed in the same processes, A B B A"
    )
    passes: int = Field(description="in each process")
    end_to_end: SpanResult
    spans: dict[str, SpanResult]
    fit: LatencyFit | None = Field(description="None when the scans have too similar numbers of voxels")
    cold_start_ms: float = Field(description="first scan of a process, median over the processes")
    peak_memory_mib: float = Field(description="largest of the processes")
    energy_mj_per_scan: float | None
    processes: tuple[ProcessRun, ...]
    verdict: Literal["stable", "unstable"]
    reasons: tuple[str, ...] = Field(description="why it is unstable; empty when stable")

    @property
    def network(self) -> str:
        """A name for people, its own among the networks timed together: `Subject.name`, with digits if need be."""
        return self.name or self.subject.name

    @property
    def subject(self) -> Subject:
        """What was timed; another device or scan list makes no difference to it."""
        return Subject(
            dataset=self.dataset,
            synthetic=self.synthetic,
            backbone=self.backbone,
            engine=self.engine,
            precision=self.precision,
        )

    @property
    def identity(self) -> tuple[str, DeviceKind, str]:
        """What was timed, on which kind of device, on which points: what is measured again has the same."""
        return self.subject.text, self.device_kind, self.scans_sha256
