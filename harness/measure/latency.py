"""latency-v1-core: one scan at a time on fresh tensors, kernel maps included, warm, in shuffled passes."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch

from backbones.backbone import Backbone, Voxelizer
from backbones.points import PointBatch
from harness.measure.clock import start_clock
from harness.measure.device import describe_device
from harness.spec import LatencyFit, LatencyResult, SpanResult

SPANS = ("transfer", "voxelise", "kernel_maps", "convolutions", "argmax")
WARMUP_PASSES = 2
P99_SAMPLES = 200
"""Fewest samples for which a 99th percentile is more than the second-largest value."""

Progress = Callable[[int, int], None]


def measure_latency(
    network: Backbone,
    voxelize: Voxelizer,
    scans: Sequence[PointBatch],
    passes: int,
    device: torch.device,
    seed: int = 0,
    progress: Progress | None = None,
) -> LatencyResult:
    """Time a network on every scan, several times over.

    Args:
        network: in any mode; timed in eval mode without gradients.
        voxelize: the backbone's voxelisation.
        scans: batches of one scan in host memory.
        passes: timed passes over all scans, each in an order of its own.
        device: where the network is.
        seed: of the orders.
        progress: called with (samples done, samples in all), the warm-up included.
    """
    total = (WARMUP_PASSES + passes) * len(scans)
    done = 0
    orders = np.random.Generator(np.random.PCG64(seed))
    samples: list[dict[str, float]] = []
    if device.type == "cuda":
        scans = [points.pin_memory() for points in scans]
    with _quiet(network):
        cold_start_ms = time_scan(network, voxelize, scans[0], device)["end_to_end"]
        for number in range(-WARMUP_PASSES, passes):
            for index in orders.permutation(len(scans)):
                sample = time_scan(network, voxelize, scans[index], device)
                done += 1
                if number >= 0:
                    samples.append(sample)
                if progress:
                    progress(done, total)
    return _summarise(samples, len(scans), passes, cold_start_ms, device)


def time_scan(network: Backbone, voxelize: Voxelizer, points: PointBatch, device: torch.device) -> dict[str, float]:
    """Time one scan from points to labels, in milliseconds by span, with its number of voxels.

    End to end is one undivided run from points on the device to labels on the device. Kernel maps are built lazily
    between convolutions, so their span is the difference between that run's forward pass and a second one on the same
    voxels with all maps at hand; noise may make it negative.
    """
    clock = start_clock(device)
    moved = points.to(device)
    clock.mark()
    voxels = voxelize(moved)
    clock.mark()
    logits = network.predict(voxels)
    clock.mark()
    logits.argmax(1)
    clock.mark()
    transfer_ms, voxelise_ms, forward_ms, argmax_ms = clock.intervals_ms()
    warm = start_clock(device)
    network.predict(voxels)
    warm.mark()
    [convolutions_ms] = warm.intervals_ms()
    return {
        "transfer": transfer_ms,
        "voxelise": voxelise_ms,
        "kernel_maps": forward_ms - convolutions_ms,
        "convolutions": convolutions_ms,
        "argmax": argmax_ms,
        "end_to_end": voxelise_ms + forward_ms + argmax_ms,
        "voxels": float(voxels.coordinates.shape[0]),
    }


def summarise_span(values_ms: Sequence[float]) -> SpanResult:
    """Return percentiles, mean and median absolute deviation."""
    values = np.asarray(values_ms, dtype=np.float64)
    p50, p95, p99 = np.percentile(values, (50, 95, 99))
    return SpanResult(
        p50_ms=float(p50),
        p95_ms=float(p95),
        p99_ms=float(p99) if len(values) >= P99_SAMPLES else None,
        mean_ms=float(values.mean()),
        mad_ms=float(np.median(np.abs(values - p50))),
    )


def fit_over_voxels(voxels: Sequence[float], values_ms: Sequence[float]) -> LatencyFit | None:
    """Fit ms = a + b · voxels / 1000 by least squares; None when the voxel counts do not differ."""
    if len(set(voxels)) < 2:
        return None
    slope, intercept = np.polyfit(np.asarray(voxels) / 1e3, np.asarray(values_ms), 1)
    return LatencyFit(intercept_ms=float(intercept), ms_per_1000_voxels=float(slope))


def _summarise(
    samples: list[dict[str, float]], scans: int, passes: int, cold_start_ms: float, device: torch.device
) -> LatencyResult:
    end_to_end = [sample["end_to_end"] for sample in samples]
    return LatencyResult(
        device_kind="GPU" if device.type == "cuda" else "CPU",
        device=describe_device(device),
        threads=torch.get_num_threads(),
        scans=scans,
        passes=passes,
        end_to_end=summarise_span(end_to_end),
        spans={name: summarise_span([sample[name] for sample in samples]) for name in SPANS},
        fit=fit_over_voxels([sample["voxels"] for sample in samples], end_to_end),
        cold_start_ms=cold_start_ms,
    )


@contextmanager
def _quiet(network: Backbone) -> Iterator[None]:
    """Eval mode, no gradients, garbage collector off; all as before afterwards."""
    training, collecting = network.training, gc.isenabled()
    network.eval()
    gc.disable()
    try:
        with torch.no_grad():
            yield
    finally:
        network.train(training)
        if collecting:
            gc.enable()
