"""Where the time of one training step goes: `python ci/profile_step.py BACKBONE --semantickitti DIR [--width W]`.

A plain student (method none, common recipe, batch 1, one thread unless OMP_NUM_THREADS says otherwise) makes one step
on one full-size scan after three warm-up steps on the same scan. Seconds are those of torch's profiler on the CPU: an
operation's own time goes to the first category that it or an operation around it belongs to.
"""

from __future__ import annotations

import argparse
import time
from collections import defaultdict
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch.autograd.profiler import record_function
from torch.profiler import ProfilerActivity, profile

import backbones.voxelize
from backbones.build import NAMES
from backbones.sparse.engine import get_engine
from backbones.sparse.kernel_map import KernelMap, KernelMapCache
from harness.config.models import BackboneConfig
from harness.config.resolve import resolve_backbone
from harness.data.loader import TrainingScans
from harness.data.semantickitti import SemanticKitti
from harness.data.step_batch import StepBatch
from harness.heap import keep_freed_memory
from harness.measure.device import describe_device
from harness.spec import CellSpec, DatasetSpec, MethodSpec, RecipeSpec
from harness.train.learner import Learner, network_voxelizer

CATEGORIES = {
    "sparse convolution": ("backbones::sparse_conv",),
    "kernel maps": ("kernel maps",),
    "linear layers": ("aten::addmm", "aten::mm", "aten::linear", "AddmmBackward0", "MmBackward0"),
    "loss": (
        "aten::sort", "aten::gather", "aten::cumsum", "aten::_softmax", "aten::_log_softmax", "SoftmaxBackward0",
        "LogSoftmaxBackward0", "GatherBackward0", "aten::nll_loss", "NllLossBackward0", "aten::abs", "AbsBackward0",
    ),
    "points and voxels": (
        "backbones::", "aten::index_select", "IndexSelectBackward0", "_Max", "_Mean", "aten::embedding_bag",
    ),
    "normalisation": ("aten::native_batch_norm", "NativeBatchNormBackward0", "aten::batch_norm"),
    "activation, sum, concatenation": (
        "aten::relu", "ReluBackward0", "aten::leaky_relu", "LeakyReluBackward", "aten::sigmoid", "SigmoidBackward0",
        "aten::add", "AddBackward0", "aten::cat", "CatBackward0", "aten::threshold_backward", "aten::mul",
        "MulBackward0",
        "aten::dropout", "aten::native_dropout", "NativeDropoutBackward0",
    ),
    "optimiser": ("Optimizer.step", "aten::_foreach", "aten::linalg"),
}  # fmt: skip
CONVOLUTIONS = ("sparse convolution", "linear layers", "kernel maps")
"""A linear layer is the convolution with a kernel of one cell; a map is part of every sparse convolution."""
WARMUP_STEPS = 3
"""After these the process has the memory it needs, as in the rest of an epoch."""


class RecordedMaps(KernelMapCache):
    """A cache whose work shows in the profile."""

    def submanifold(self, *args: Any) -> KernelMap:
        """Build under a name."""
        with record_function("kernel maps"):
            return super().submanifold(*args)

    def strided(self, *args: Any) -> KernelMap:
        """Build under a name."""
        with record_function("kernel maps"):
            return super().strided(*args)


def learner_and_batches(arguments: argparse.Namespace) -> tuple[Learner, Any]:
    """Return a fresh student and a function that loads its batch."""
    dataset = SemanticKitti(arguments.semantickitti, partial=True)
    data = DatasetSpec(
        name="semantickitti", manifest="", label_map="", synthetic=False, partial=True, scans={}, official_scans={}
    )
    backbone = resolve_backbone(BackboneConfig(name=arguments.backbone), arguments.width, 19, "BACKBONE")
    spec = CellSpec(
        role="student",
        dataset=data,
        backbone=backbone,
        method=MethodSpec(name="none"),
        recipe=RecipeSpec(batch_size=1),
        seed=0,
        engine=get_engine(arguments.engine).name,
    )
    scans = TrainingScans(dataset, (arguments.scan,), spec.recipe.augmentation, seed=0)
    load = partial(scans.batch, 0, [arguments.scan], network_voxelizer(backbone))
    return Learner(spec, [1] * 20, None, torch.device("cpu")), load


def seconds_by_category(events: Any) -> dict[str, float]:
    """Sum the own time of every operation into the first category that it or an operation around it belongs to."""
    sums: dict[str, float] = defaultdict(float)
    for event in events:
        around, place = [], event
        while place is not None:
            around.append(place.name)
            place = place.cpu_parent
        found = (category for category, names in CATEGORIES.items() if any(name.startswith(names) for name in around))
        sums[next(found, "everything else")] += event.self_cpu_time_total / 1e6
    return sums


def main() -> None:
    """Print the profile of one step."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("backbone", choices=NAMES)
    parser.add_argument("--semantickitti", type=Path, required=True)
    parser.add_argument("--scan", default="00/000000")
    parser.add_argument("--width", type=float, default=1.0)
    parser.add_argument("--engine", default="auto")
    arguments = parser.parse_args()
    keep_freed_memory()
    learner, load = learner_and_batches(arguments)
    backbones.voxelize.KernelMapCache = RecordedMaps  # type: ignore[misc]
    for _ in range(WARMUP_STEPS):
        learner.step(StepBatch.whole(0, load()), 0.0)
    start = time.perf_counter()
    voxels = load()
    loader_s = time.perf_counter() - start
    with profile(activities=[ProfilerActivity.CPU]) as profiler:
        start = time.perf_counter()
        learner.step(StepBatch.whole(0, voxels), 0.0)
        step_s = time.perf_counter() - start
    sums = seconds_by_category(profiler.events())
    whole, convolutions = sum(sums.values()), sum(sums[name] for name in CONVOLUTIONS)
    print(f"{arguments.backbone}, width {arguments.width:g}, scan {arguments.scan}: {len(voxels.coordinates)} voxels")  # noqa: T201
    engine, threads = get_engine(arguments.engine), torch.get_num_threads()
    print(f"engine {engine.name} {engine.version}, {describe_device(learner.device)}, {threads} threads")  # noqa: T201
    print(f"loader {loader_s:.3f} s (0 workers: read, augment, voxelise); step {step_s:.3f} s\n")  # noqa: T201
    for name, seconds in sorted(sums.items(), key=lambda item: -item[1]):
        print(f"{seconds:9.3f} s  {seconds / whole:6.1%}  {name}")  # noqa: T201
    rest = (whole - convolutions) / (whole + loader_s)
    print(f"\nneither convolution (sparse, linear, kernel maps) nor loader: {rest:.1%} of loader and step")  # noqa: T201


if __name__ == "__main__":
    main()
