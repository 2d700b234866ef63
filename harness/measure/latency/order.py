"""What one fresh process of a measurement is told, and what it tells in the end."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence

from pydantic import Field

from harness.measure.latency.scan_source import ScanSource
from harness.spec import BackboneSpec, DatasetName, DeviceKind, ProcessRun, Strict
from harness.spec.latency import usual_name

DIGITS = 6
"""Hexadecimal, that tell networks of one name apart."""


class NetworkOrder(Strict):
    """A network to time."""

    backbone: BackboneSpec
    engine: str


class ProcessOrder(Strict):
    """The work of one process."""

    number: int = Field(ge=1, description="among the processes of the measurement; its passes have orders of their own")
    networks: dict[str, NetworkOrder] = Field(min_length=1, description="by a name that is theirs alone: see `named`")
    scans: ScanSource
    passes: int = Field(ge=1)
    device: str


class NetworkReport(Strict):
    """What a process found of one network."""

    run: ProcessRun
    span_ms: dict[str, tuple[float, ...]] = Field(description="all samples by span")
    voxels: tuple[int, ...] = Field(description="of each scan")
    engine_version: str


class ProcessReport(Strict):
    """What a process found."""

    device_kind: DeviceKind
    device: str
    threads: int
    torch: str
    scans_sha256: str
    networks: dict[str, NetworkReport]
    untold: dict[str, str] = Field(description="what the device could not tell, and why")


def named(dataset: DatasetName, networks: Sequence[NetworkOrder]) -> dict[str, NetworkOrder]:
    """Return networks by the names that their records have, each network once.

    ``semantickitti-minkowskinet-w0.5``, with digits of its settings and engine where two are called so.
    """
    distinct = {network.model_dump_json(): network for network in networks}
    called = Counter(usual_name(dataset, network.backbone) for network in distinct.values())
    names = {}
    for text, network in distinct.items():
        name = usual_name(dataset, network.backbone)
        digits = hashlib.sha256(text.encode()).hexdigest()[:DIGITS]
        names[name if called[name] == 1 else f"{name}-{digits}"] = network
    return names
