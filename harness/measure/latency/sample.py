"""One scan timed, from points to labels."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from backbones.backbone import Backbone, Voxelizer
from backbones.points import PointBatch
from harness.measure.clock import start_clock


@dataclass(frozen=True)
class Sample:
    """One undivided run from points on the device to labels on the device.

    Attributes:
        end_to_end_ms: by the device's clock.
        host_ms: by the host's clock, until it knew of the end.
        voxels: of the scan.
    """

    end_to_end_ms: float
    host_ms: float
    voxels: int


def time_scan(network: Backbone, voxelize: Voxelizer, points: PointBatch, device: torch.device) -> Sample:
    """Time one run on tensors of its own, so that it builds every kernel map anew.

    The device is idle when the clock starts, and the host waits for it once, at the end. Whatever else makes the host
    wait, as counting voxels or pairs does, is part of what the network costs.

    Args:
        network: in eval mode, on `device`; gradients are the caller's to switch off.
        voxelize: what it reads.
        points: one scan in host memory.
        device: to run on.
    """
    moved = points.copy_to(device)
    clock = start_clock(device)
    voxels = voxelize(moved)
    network.predict(voxels).argmax(1)
    clock.mark()
    reading = clock.read()
    return Sample(reading.intervals_ms[0], reading.host_ms, len(voxels.coordinates))


def time_spans(network: Backbone, voxelize: Voxelizer, points: PointBatch, device: torch.device) -> dict[str, float]:
    """Time the parts of a run; return the milliseconds of each of `SPANS`.

    Kernel maps are built lazily between convolutions, so their span is what the forward pass takes longer than a second
    one on the same voxels with all maps at hand; noise may make it negative.

    Args:
        network: as of `time_scan`, with the arguments after it.
        voxelize: what it reads.
        points: one scan in host memory.
        device: to run on.
    """
    clock = start_clock(device)
    moved = points.copy_to(device)
    clock.mark()
    voxels = voxelize(moved)
    clock.mark()
    logits = network.predict_voxels(voxels)
    clock.mark()
    voxels.to_points(logits).argmax(1)
    clock.mark()
    transfer_ms, voxelise_ms, forward_ms, argmax_ms = clock.read().intervals_ms
    warm = start_clock(device)
    network.predict_voxels(voxels)
    warm.mark()
    [convolutions_ms] = warm.read().intervals_ms
    return {
        "transfer": transfer_ms,
        "voxelise": voxelise_ms,
        "kernel_maps": forward_ms - convolutions_ms,
        "convolutions": convolutions_ms,
        "devoxelise_argmax": argmax_ms,
    }
