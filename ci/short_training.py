"""How every method begins to train: `python ci/short_training.py BACKBONE --semantickitti DIR [METHOD …]`.

A teacher is trained for some steps on four real scans (batches of two, at most 30 000 points each), then a student
with each method, all from the same weights and in the same order, under a constant learning rate after a warm-up.
Printed for each: cross entropy and the method's terms, mean of the last eight steps, or the step at which it stopped
and why. It tells whether a weight suits a step size, and nothing about what a method is worth after a whole training.

METHOD is a name, or a name and settings as JSON: 'skd {"pixel_weight": 1}'. Default: every method with its defaults.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path

import torch

from backbones.build import NAMES, backbone_kind
from baselines.registry import SHIPPED
from harness.config.models import BackboneConfig, MethodConfig
from harness.config.resolve import resolve_backbone, resolve_method
from harness.data.loader import TrainingScans, load_batches
from harness.data.semantickitti import SemanticKitti
from harness.data.statistics import class_counts
from harness.data.step_batch import StepBatch
from harness.errors import HarnessError
from harness.heap import keep_freed_memory
from harness.spec import PUBLISHED_RATES, Augmentation, CellSpec, DatasetSpec, RecipeSpec
from harness.train.learner import Learner, network_voxelizer

SCANS = ("00/000000", "02/000004", "05/000002", "07/000000")
BATCHES = 8
SMALL = {"cylinder3d": {"grid": [96, 72, 16], "point_mlp": "scaled"}}
"""A grid as coarse as voxels of 0.2 m are on the other backbones."""
LAST = 8


def cell(arguments: argparse.Namespace, width: float, method: str, settings: dict[str, object]) -> CellSpec:
    """Return a cell of a network on four scans."""
    name = arguments.backbone
    size = None if backbone_kind(name).published_voxel_size_m is None else 0.2
    config = BackboneConfig(name=name, voxel_size_m=size, settings=SMALL.get(name, {}))
    data = DatasetSpec(
        name="semantickitti", manifest="", label_map="", synthetic=False, partial=True, scans={}, official_scans={}
    )
    return CellSpec(
        role="student",
        dataset=data,
        backbone=resolve_backbone(config, width, 19, "BACKBONE"),
        method=resolve_method(MethodConfig(name=method, settings=settings), "METHOD"),
        recipe=RecipeSpec(
            optimizer=arguments.optimizer,
            learning_rate=arguments.learning_rate,
            augmentation=Augmentation(max_points=30_000),
        ),
        seed=0,
        engine="portable",
    )


def train(
    learner: Learner, batches: list[StepBatch], arguments: argparse.Namespace
) -> tuple[list[dict[str, float]], str]:
    """Make the steps, and return their terms and why they ended early, if they did."""
    done: list[dict[str, float]] = []
    try:
        for step in range(arguments.steps):
            rate = arguments.learning_rate * min(1.0, (step + 1) / (arguments.warmup_steps + 1))
            batch = replace(batches[step % BATCHES], epoch=step // BATCHES)
            done.append(learner.step(batch, rate, step))
    except HarnessError as error:
        return done, f"stopped at step {len(done) + 1}: {error.found.splitlines()[0][:70]}"
    return done, ""


def line(label: str, done: list[dict[str, float]], fault: str) -> str:
    """Return a row of the printed table."""
    last = done[-LAST:]
    means = {name: sum(step[name] for step in last) / len(last) for name in last[-1]}
    supervised = ("cross_entropy", "lovasz", "point_cross_entropy")
    own = ", ".join(f"{name} {value:.3g}" for name, value in means.items() if name not in supervised)
    return f"| {label} | {fault or format(means['cross_entropy'], '.2f')} | {own} |"


def main() -> None:
    """Print one row for each method."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("backbone", choices=NAMES)
    parser.add_argument("methods", nargs="*", default=[name for name in SHIPPED if name != "sum"])
    parser.add_argument("--semantickitti", type=Path, required=True)
    parser.add_argument("--optimizer", choices=["sgd", "adam"], default=RecipeSpec().optimizer)
    parser.add_argument("--learning-rate", type=float, help="default: the published one of the optimiser")
    parser.add_argument("--steps", type=int, default=48)
    parser.add_argument("--warmup-steps", type=int, default=20)
    parser.add_argument("--widths", type=float, nargs=2, default=(0.25, 0.125), help="of teacher and student")
    arguments = parser.parse_args()
    arguments.learning_rate = arguments.learning_rate or PUBLISHED_RATES[arguments.optimizer]
    keep_freed_memory()
    device, dataset = torch.device("cpu"), SemanticKitti(arguments.semantickitti, partial=True)
    plain = cell(arguments, arguments.widths[0], "none", {})
    scans = TrainingScans(dataset, SCANS, plain.recipe.augmentation, seed=0)
    voxelize = network_voxelizer(plain.backbone)
    batches = list(load_batches(scans, range(BATCHES // 2), 2, voxelize, 0, 0))
    counts = class_counts(dataset, SCANS, 0)
    print(f"{arguments.backbone} {arguments.widths[0]:g} / {arguments.widths[1]:g}, ", end="")  # noqa: T201
    print(f"{arguments.optimizer} at {arguments.learning_rate:g} after {arguments.warmup_steps} steps, ", end="")  # noqa: T201
    print(f"{arguments.steps} steps\n\n| method | cross entropy | its terms |\n|---|---|---|")  # noqa: T201
    teacher = Learner(plain, counts, None, device)
    print(line("(the teacher)", *train(teacher, batches, arguments)), flush=True)  # noqa: T201
    for text in arguments.methods:
        name, _, settings = text.partition(" ")
        spec = cell(arguments, arguments.widths[1], name, json.loads(settings or "{}"))
        network = None if name == "none" else teacher.student
        print(line(f"`{text}`", *train(Learner(spec, counts, network, device), batches, arguments)), flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
