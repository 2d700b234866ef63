"""A measurement within one process: cold start, warm-up, passes end to end, then passes for the spans."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from backbones.backbone import Backbone, Voxelizer
from backbones.points import PointBatch
from harness.measure.latency import WARMUP_PASSES, Progress, timed_samples
from harness.measure.latency.network_run import NetworkRun, Steps
from harness.measure.latency.quiet import quiet
from harness.measure.latency.turns import in_turn
from harness.measure.latency.warm_up import settle
from harness.spec.latency import WarmUp


@dataclass(frozen=True)
class TimedNetwork:
    """A network to be timed.

    Attributes:
        name: its own among those timed together.
        network: on the device.
        voxelize: what it reads.
    """

    name: str
    network: Backbone
    voxelize: Voxelizer


@dataclass(frozen=True)
class ProcessMeasurement:
    """What one process found of one network.

    Attributes:
        cold_start_ms: its first run, end to end. Of several networks only the first also pays for what they share.
        warm_up: see `harness.measure.latency.warm_up`.
        end_to_end_ms: [passes][scans], scans in the list's order.
        span_ms: samples of each of `SPANS` and of `HOST_CLOCK`, pass by pass, scans in the list's order.
        voxels: of each scan.
        peak_memory_mib: of torch's allocator while this network ran, the others' weights left out; on a CPU the
            resident peak of the process, which is that of all its networks.
    """

    cold_start_ms: float
    warm_up: WarmUp
    end_to_end_ms: tuple[tuple[float, ...], ...]
    span_ms: dict[str, list[float]]
    voxels: tuple[int, ...]
    peak_memory_mib: float


def measure_process(
    networks: Sequence[TimedNetwork],
    scans: Sequence[PointBatch],
    passes: int,
    device: torch.device,
    seed: int,
    progress: Progress | None = None,
) -> dict[str, ProcessMeasurement]:
    """Time networks on every scan, several times over, and return what was found by name.

    Networks take turns pass by pass, A B B A, so that a drift of the machine falls on all alike. Passes that tell the
    spans apart come last: their second forward pass is then in no sample end to end.

    Args:
        networks: with names that differ, in any mode; timed in eval mode without gradients.
        scans: batches of one scan in host memory.
        passes: timed passes over all scans, end to end and for the spans alike, each in an order of its own.
        device: where the networks are.
        seed: of the orders.
        progress: told of every sample, those of the warm-up included.
    """
    scans = in_reach(scans, device)
    warm_up_samples = (WARMUP_PASSES + 1) * len(networks) * len(scans)
    steps = Steps(warm_up_samples + timed_samples(len(networks), len(scans), passes), progress)
    runs = [NetworkRun(n.network, n.voxelize, scans, passes, device, seed, steps) for n in networks]
    with quiet([timed.network for timed in networks]):
        cold_starts_ms = [run.cold_start() for run in runs]
        warm_ups = settle([run.warm_up for run in runs], device)
        _take_turns(runs, passes)
    others_mib = _weights_of_others_mib(networks, device)
    found = map(_measurement, runs, cold_starts_ms, warm_ups, others_mib)
    return {timed.name: measurement for timed, measurement in zip(networks, found, strict=True)}


def in_reach(scans: Sequence[PointBatch], device: torch.device) -> Sequence[PointBatch]:
    """Return scans where a device fetches them from as the protocol says: a GPU from page-locked host memory."""
    return [points.pin_memory() for points in scans] if device.type == "cuda" else scans


def _take_turns(runs: Sequence[NetworkRun], passes: int) -> None:
    for number in range(passes):
        for run in in_turn(runs, number):
            run.end_to_end(number)
    for number in range(passes):
        for run in in_turn(runs, number):
            run.spans(number)


def _measurement(run: NetworkRun, cold_start_ms: float, warm_up: WarmUp, others_mib: float) -> ProcessMeasurement:
    return ProcessMeasurement(
        cold_start_ms=cold_start_ms,
        warm_up=warm_up,
        end_to_end_ms=tuple(map(tuple, run.end_to_end_ms.tolist())),
        span_ms=run.span_ms(),
        voxels=tuple(run.voxels),
        peak_memory_mib=run.peak_mib - others_mib,
    )


def _weights_of_others_mib(networks: Sequence[TimedNetwork], device: torch.device) -> list[float]:
    """Return for each network what the weights and running statistics of the others take of a GPU's allocator."""
    if device.type != "cuda":
        return [0.0] * len(networks)
    own = [sum(tensor.nbytes for tensor in n.network.state_dict().values()) / 2**20 for n in networks]
    return [sum(own) - mib for mib in own]
