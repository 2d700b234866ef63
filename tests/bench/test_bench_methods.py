"""Time of every distillation method's own work, forward and backward.

Once on made-up outputs of a full-size scan, teacher at width 1 and student at width 0.5; once on a real scan, as a
share of the student's training step with the teacher in it. The device is CUDA where there is one.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from pathlib import Path

import pytest
import torch

from backbones.build import NAMES, build_backbone, build_voxelizer
from backbones.output import SegmentationOutput, Stage
from backbones.points import PointBatch
from backbones.voxelize import VoxelBatch
from baselines.method import Method, MethodContext
from baselines.registry import SHIPPED, load_method
from harness.config.models import BackboneConfig, MethodConfig
from harness.config.resolve import resolve_backbone, resolve_method
from harness.data.loader import TrainingScans
from harness.data.semantickitti import SemanticKitti
from harness.data.step_batch import StepBatch
from harness.heap import keep_freed_memory
from harness.spec import CellSpec, DatasetSpec, RecipeSpec
from harness.train.learner import Learner, build_network, network_voxelizer

POINTS, CLASSES, VOXEL_SIZE_M = 120_000, 19, 0.05
DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")
COUNTS = (0, *[10**6] * 8, *[10**3] * 11)
DATA = os.environ.get("HARNESS_REAL_DATA")
RIVALS = [name for name in SHIPPED if name not in ("none", "sum")]
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


def outputs(batch: VoxelBatch, width: float) -> SegmentationOutput:
    """Random outputs of a MinkowskiNet; a coarser stage has every third row of the one before it."""
    draw = torch.Generator().manual_seed(int(100 * width))
    voxels, channels = len(batch.coordinates), shape(width).stage_channels
    logits = torch.randn((voxels, CLASSES), generator=draw).to(DEVICE)
    stages = {}
    for place, name in enumerate(channels):
        scan = batch.scan_index[:: 3 ** min(place, 8 - place)]
        rows = torch.randn((len(scan), channels[name]), generator=draw).relu().to(DEVICE)
        stages[name] = Stage(rows, scan)
    features = stages["up4"].features
    return SegmentationOutput(
        logits[batch.voxel_of_point], logits, logits, features[batch.voxel_of_point], features, stages
    )


def shape(width: float) -> torch.nn.Module:
    """A network without memory for its weights."""
    with torch.device("meta"):
        return build_backbone("minkowskinet", width, CLASSES)


def context(student: torch.nn.Module, teacher: torch.nn.Module) -> MethodContext:
    """What a method is told of two networks."""
    wide, narrow = teacher.stage_channels, student.stage_channels
    last, middle = student.last_stage, student.middle_stage
    return MethodContext(COUNTS, narrow, wide, middle, student.level_stages, last, narrow[last], wide[last])


def synchronize() -> None:
    """Wait for the device."""
    if DEVICE.type == "cuda":
        torch.cuda.synchronize()


def work_of(
    method: Method, student: SegmentationOutput, teacher: SegmentationOutput, batch: VoxelBatch
) -> Callable[[], None]:
    """A call that runs the method's forward, and its backward to the student's outputs, once."""
    method.to(DEVICE)
    plain = [field.name for field in fields(student) if field.name != "stages"]

    def leaf(tensor: torch.Tensor) -> torch.Tensor:
        return tensor.detach().requires_grad_()

    def work() -> None:
        stages = {name: replace(stage, features=leaf(stage.features)) for name, stage in student.stages.items()}
        fresh = replace(student, **{name: leaf(getattr(student, name)) for name in plain}, stages=stages)
        terms = method(fresh, teacher, batch, [torch.Generator().manual_seed(1)])
        torch.stack(list(terms.values())).sum().backward()
        synchronize()

    return work


@pytest.mark.parametrize(
    ("name", "settings"),
    [*((name, {}) for name in RIVALS), ("pvd", OUTPUTS_ONLY), ("pvd", AFFINITIES_ONLY)],
    ids=[*RIVALS, "pvd outputs", "pvd affinities"],
)
def test_forward_and_backward(benchmark, batch, name, settings):
    kind = load_method(name)
    method = kind(kind.Settings(**settings), context(shape(0.5), shape(1.0)))
    work = work_of(method, outputs(batch, 0.5), outputs(batch, 1.0), batch)
    work()
    if DEVICE.type == "cuda":
        torch.cuda.reset_peak_memory_stats()
        held = torch.cuda.memory_allocated()
        work()
        benchmark.extra_info["peak_mib"] = (torch.cuda.max_memory_allocated() - held) / 2**20
    benchmark.pedantic(work, rounds=5, iterations=1)


@dataclass(frozen=True)
class RealStep:
    """A training step on a real scan: how long it takes without a method's own work, and what a method gets from it."""

    seconds: float
    student: SegmentationOutput
    teacher: SegmentationOutput
    batch: VoxelBatch
    context: MethodContext


@pytest.fixture(scope="module", params=NAMES)
def real_step(request: pytest.FixtureRequest) -> RealStep:
    """One step of a student at width 0.5 beside a teacher at width 1."""
    if DATA is None:
        pytest.skip("HARNESS_REAL_DATA is not set")
    keep_freed_memory()
    config = BackboneConfig(name=request.param)
    data = DatasetSpec(
        name="semantickitti", manifest="", label_map="", synthetic=False, partial=True, scans={}, official_scans={}
    )
    spec = CellSpec(
        role="student",
        dataset=data,
        backbone=resolve_backbone(config, 0.5, CLASSES, "bench"),
        method=resolve_method(MethodConfig(name="none"), "bench"),
        recipe=RecipeSpec(batch_size=1),
        seed=0,
        engine="portable",
    )
    teacher = build_network(resolve_backbone(config, 1.0, CLASSES, "bench"), "portable", 0)
    scans = TrainingScans(
        SemanticKitti(Path(DATA) / "semantickitti", True), ("00/000000",), spec.recipe.augmentation, 0
    )
    learner = Learner(spec, COUNTS, teacher, DEVICE)

    def load() -> VoxelBatch:
        return scans.batch(0, scans.scan_ids, network_voxelizer(spec.backbone)).to(DEVICE)

    seconds = []
    for _ in range(4):
        voxels = load()
        start = time.perf_counter()
        learner.step(StepBatch.whole(0, voxels), 0.0)
        synchronize()
        seconds.append(time.perf_counter() - start)
    voxels = load()
    with torch.no_grad():
        taught, learnt = teacher(voxels), learner.student(voxels)
    return RealStep(statistics.median(seconds[1:]), learnt, taught, voxels, context(learner.student, teacher))


@pytest.mark.real
@pytest.mark.parametrize("name", RIVALS)
def test_share_of_a_training_step_on_a_real_scan(benchmark, real_step, name):
    kind = load_method(name)
    method = kind(kind.Settings(), real_step.context)
    work = work_of(method, real_step.student, real_step.teacher, real_step.batch)
    benchmark.pedantic(work, rounds=3, iterations=1, warmup_rounds=1)
    benchmark.extra_info["step_s"] = real_step.seconds
    benchmark.extra_info["share_of_step"] = benchmark.stats.stats.median / real_step.seconds
