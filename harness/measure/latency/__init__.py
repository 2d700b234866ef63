"""Latency: protocol latency-v1 within one process, and its core that a cell measures on itself.

Nothing heavy is imported here, so that records of past measurements can be read without torch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    import torch

    from backbones.backbone import Backbone, Voxelizer
    from backbones.points import PointBatch
    from harness.spec import LatencyResult

SPANS = ("transfer", "voxelise", "kernel_maps", "convolutions", "devoxelise_argmax")
"""Parts of a run, in order; the transfer comes before end to end."""
HOST_CLOCK = "host_clock"
"""End to end by the host's clock, which on a GPU stands beside the events of the device."""
WARMUP_PASSES = 2
"""Passes over all scans before the one that must change nothing."""

Progress: TypeAlias = Callable[[int, int], None]
"""Called with (samples done, samples in all)."""


def forward_passes(passes: int) -> int:
    """Return how often a network runs on each scan for so many timed passes, when its warm-up settles at once.

    Warm-up, check and spans run it twice, the second time with its kernel maps at hand; end to end once.
    """
    return 2 * (WARMUP_PASSES + 1) + passes + 2 * passes


def timed_samples(networks: int, scans: int, passes: int) -> int:
    """Return how many samples come after the warm-up, which are the last that `Progress` is told of."""
    return 2 * passes * networks * scans


def measure_latency(
    network: Backbone,
    voxelize: Voxelizer,
    scans: Sequence[PointBatch],
    passes: int,
    device: torch.device,
    seed: int = 0,
    progress: Progress | None = None,
) -> LatencyResult:
    """Time a network on every scan, several times over, in this process alone: latency-v1-core.

    Args:
        network: in any mode; timed in eval mode without gradients.
        voxelize: the backbone's voxelisation.
        scans: batches of one scan in host memory.
        passes: timed passes over all scans, each in an order of its own.
        device: where the network is.
        seed: of the orders.
        progress: told of every sample, those of the warm-up included.
    """
    import torch

    from harness.measure.device import describe_device
    from harness.measure.latency.passes import TimedNetwork, measure_process
    from harness.measure.latency.summary import fit_over_voxels, summarise_span
    from harness.spec import LatencyResult

    timed = TimedNetwork("network", network, voxelize)
    found = measure_process([timed], scans, passes, device, seed, progress)[timed.name]
    end_to_end = [value for one in found.end_to_end_ms for value in one]
    return LatencyResult(
        device_kind="GPU" if device.type == "cuda" else "CPU",
        device=describe_device(device),
        threads=torch.get_num_threads(),
        scans=len(scans),
        passes=passes,
        end_to_end=summarise_span(end_to_end),
        spans={name: summarise_span(values) for name, values in found.span_ms.items()},
        fit=fit_over_voxels(found.voxels * passes, end_to_end),
        cold_start_ms=found.cold_start_ms,
    )
