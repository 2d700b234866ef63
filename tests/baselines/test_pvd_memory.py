"""What PVD's affinity terms allocate: bounded by K·(Np² + Nv²), however many points a scan has."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest
import torch
from kd_inputs import CONTEXT, batch_of, generators, output_of
from pydantic import ValidationError
from torch.profiler import ProfilerActivity, profile

from baselines.pvd import PVD, PVDSettings

FLOAT_BYTES = 4
ROW_BYTES = 200
"""For each point or voxel: its block, label and slot as int64, its draw, and the gradient of its features."""


def peak_bytes(points: int, voxels: int, **settings: int) -> int:
    """Return the most bytes that both affinity terms hold at once, forward and backward, beside their inputs."""
    batch = batch_of([points], [voxels])
    method = PVD(PVDSettings(point_output_weight=0, voxel_output_weight=0, **settings), CONTEXT)
    teacher, student = (
        replace(output, **{f.name: getattr(output, f.name).float() for f in fields(output) if f.name != "stages"})
        for output in (output_of(batch, 8, 2.0), output_of(batch, 4, 1.0))
    )
    for features in (student.point_features, student.voxel_features):
        features.requires_grad_()
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiler:
        torch.stack(list(method(student, teacher, batch, generators(1)).values())).sum().backward()
    events = [event for event in profiler.profiler.kineto_results.events() if event.name() == "[memory]"]
    held = torch.tensor([event.nbytes() for event in sorted(events, key=lambda event: event.start_ns())])
    return int(held.cumsum(0).max())


def matrices(settings: dict[str, int]) -> int:
    """Bytes of one affinity matrix of each level."""
    squares = settings["points_per_block"] ** 2 + settings["voxels_per_block"] ** 2
    return FLOAT_BYTES * settings["blocks"] * squares


@pytest.mark.parametrize("blocks", [1, 4, 8])
@pytest.mark.parametrize("rows", [256, 1024])
def test_the_peak_is_a_few_matrices_and_a_line_for_each_row(blocks: int, rows: int) -> None:
    settings = {"blocks": blocks, "points_per_block": rows, "voxels_per_block": rows // 2, "block_size": (240, 180, 32)}
    peak = peak_bytes(20_000, 10_000, **settings)
    assert peak <= 3.3 * matrices(settings) + ROW_BYTES * 30_000
    assert peak >= matrices(settings)  # the blocks are full, so that the bound is not met for want of rows


def test_more_points_cost_a_line_each() -> None:
    settings = {"blocks": 4, "points_per_block": 128, "voxels_per_block": 128}
    few, many = peak_bytes(5_000, 3_000, **settings), peak_bytes(40_000, 24_000, **settings)
    assert many - few <= ROW_BYTES * (64_000 - 8_000)


@pytest.mark.parametrize("setting", ["blocks", "points_per_block", "voxels_per_block"])
def test_sizes_that_no_memory_holds_are_refused(setting: str) -> None:
    assert PVDSettings(**{setting: 8192})
    with pytest.raises(ValidationError, match="less than or equal to 8192"):
        PVDSettings(**{setting: 10**9})
