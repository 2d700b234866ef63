"""Time of each distillation method's own work, forward and backward, on one made-up scan of full size.

Teacher at width 1 and student at width 0.5 share 120 000 points; the device is CUDA where there is one.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import fields, replace

import pytest
import torch

from backbones.build import build_backbone, build_voxelizer
from backbones.output import SegmentationOutput
from backbones.points import PointBatch
from backbones.voxelize import VoxelBatch
from baselines.method import Method, MethodContext
from baselines.registry import load_method

POINTS, CLASSES, VOXEL_SIZE_M = 120_000, 19, 0.05
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
CONTEXT = MethodContext((0, *[10**6] * 8, *[10**3] * 11), {}, {})
OUTPUTS_ONLY = {"point_affinity_weight": 0, "voxel_affinity_weight": 0}
AFFINITIES_ONLY = {"point_output_weight": 0, "voxel_output_weight": 0}


@pytest.fixture(scope="module")
def batch() -> VoxelBatch:
    """Half the points on flat ground, half on walls, denser near the sensor."""
    draw = torch.Generator().manual_seed(0)
    range_m = 2 + 60 * torch.rand(POINTS, generator=draw) ** 2
    angle = 2 * torch.pi * torch.rand(POINTS, generator=draw)
    wall = torch.rand(POINTS, generator=draw) < 0.5
    range_m = torch.where(wall, (range_m / 8).round() * 8 + 3, range_m)
    height = torch.where(wall, 4 * torch.rand(POINTS, generator=draw) - 1.7, -1.7)
    xyz = torch.stack([range_m * angle.cos(), range_m * angle.sin(), height], dim=1)
    labels = torch.randint(0, CLASSES + 1, (POINTS,), generator=draw)
    scan = torch.zeros(POINTS, dtype=torch.int64)
    points = PointBatch(xyz, torch.rand(POINTS, generator=draw), scan, labels, ("made-up",))
    return build_voxelizer("minkowskinet", VOXEL_SIZE_M)(points).to(DEVICE)


def outputs(batch: VoxelBatch, width: int) -> SegmentationOutput:
    """Random outputs; a point has its voxel's row, as in MinkowskiNet."""
    draw = torch.Generator().manual_seed(width)
    logits = torch.randn((len(batch.coordinates), CLASSES), generator=draw).to(DEVICE)
    features = torch.randn((len(batch.coordinates), width), generator=draw).relu().to(DEVICE)
    return SegmentationOutput(
        logits[batch.voxel_of_point], logits, logits, features[batch.voxel_of_point], features, {}
    )


def synchronize() -> None:
    """Wait for the device."""
    if DEVICE == "cuda":
        torch.cuda.synchronize()


def work_of(method: Method, batch: VoxelBatch) -> Callable[[], None]:
    """A call that runs the method's forward and backward once."""
    teacher, student = outputs(batch, 96), outputs(batch, 48)
    leaves = {field.name: getattr(student, field.name) for field in fields(student) if field.name != "stages"}
    method.to(DEVICE)

    def work() -> None:
        fresh = {name: leaf.detach().requires_grad_() for name, leaf in leaves.items()}
        terms = method(replace(student, **fresh), teacher, batch, [torch.Generator().manual_seed(1)])
        torch.stack(list(terms.values())).sum().backward()
        synchronize()

    return work


@pytest.mark.parametrize(
    ("name", "settings"),
    [("pvd", {}), ("pvd", OUTPUTS_ONLY), ("pvd", AFFINITIES_ONLY), ("logit_kd", {})],
    ids=["pvd", "pvd outputs", "pvd affinities", "logit_kd"],
)
def test_forward_and_backward(benchmark, batch, name, settings):
    kind = load_method(name)
    work = work_of(kind(kind.Settings(**settings), CONTEXT), batch)
    work()
    if DEVICE == "cuda":
        torch.cuda.reset_peak_memory_stats()
        held = torch.cuda.memory_allocated()
        work()
        benchmark.extra_info["peak_mib"] = (torch.cuda.max_memory_allocated() - held) / 2**20
    benchmark.pedantic(work, rounds=5, iterations=1)


def test_share_of_a_student_step(benchmark, batch):
    student = build_backbone("minkowskinet", 0.5, CLASSES).to(DEVICE)

    def step() -> None:
        student(batch).voxel_logits.square().mean().backward()
        synchronize()

    step()
    start = time.perf_counter()
    step()
    step_s = time.perf_counter() - start
    kind = load_method("pvd")
    benchmark.pedantic(work_of(kind(kind.Settings(), CONTEXT), batch), rounds=3, iterations=1, warmup_rounds=1)
    benchmark.extra_info["student_step_s"] = step_s
    benchmark.extra_info["share_of_student_step"] = benchmark.stats.stats.median / step_s
