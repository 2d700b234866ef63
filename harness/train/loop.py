"""The training loop: epochs of steps, each logged; checkpoints; resume to the very same weights."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from backbones.backbone import Backbone, Voxelizer
from harness.data.loader import TrainingScans, load_batches
from harness.measure.device import describe_device
from harness.metrics import MetricsLog
from harness.spec import CellSpec, TrainingResult
from harness.train import checkpoint
from harness.train.finite import Moment, refuse_infinite
from harness.train.learner import Learner
from harness.train.memory import PeakMemory
from harness.train.optimiser import learning_rate
from harness.train.tensorboard import TensorBoardLog
from harness.train.weights import FILE, save_weights

CHECKPOINT_SECONDS = 600.0
"""Longest work that a kill may cost, besides the checkpoint at the end of each epoch."""


@dataclass(frozen=True)
class TrainingStep:
    """What a progress display may show after a step. `step` counts from 1."""

    epoch: int
    step: int
    steps: int
    scans: int
    terms: dict[str, float]


@dataclass(frozen=True)
class Teacher:
    """A trained teacher.

    Attributes:
        network: with its weights loaded.
        weights_sha256: of the file they came from.
    """

    network: Backbone
    weights_sha256: str


@dataclass(frozen=True)
class TrainingJob:
    """All that the training of a cell needs.

    Attributes:
        spec: the cell.
        scans: the training scans, augmented per epoch.
        voxelize: the backbone's voxelisation, run in the loader's workers.
        class_counts: labelled points of the training set by class id, [C + 1].
        teacher: None for a method that needs none.
        folder: the cell's folder.
        device: to train on.
        workers: loader processes; 0 loads in this one. The weights do not depend on it.
        tensorboard: also write the loss terms to ``<folder>/tensorboard``.
    """

    spec: CellSpec
    scans: TrainingScans
    voxelize: Voxelizer
    class_counts: tuple[int, ...]
    teacher: Teacher | None
    folder: Path
    device: torch.device
    workers: int = 0
    tensorboard: bool = False


def train(job: TrainingJob, on_step: Callable[[TrainingStep], None], on_note: Callable[[str], None]) -> Backbone:
    """Train a cell to its last epoch, going on from its newest sound checkpoint, and write its weights.

    Args:
        job: what to train.
        on_step: called after every step.
        on_note: called with a sentence about each thing worth telling (resumed from, broken checkpoint).

    Returns:
        The trained student. `training_result` then says what it cost.

    Raises:
        HarnessError: bad data, a term, gradient or weight that is not finite, a foreign checkpoint, a full disk.
    """
    recipe, log = job.spec.recipe, MetricsLog(job.folder / "metrics.jsonl")
    learner = Learner(job.spec, job.class_counts, job.teacher.network if job.teacher else None, job.device)
    per_epoch = len(job.scans.epoch_batches(0, recipe.batch_size))
    total = recipe.epochs * per_epoch
    clock = _Stopwatch(job.device)
    step = _resume(job, learner, clock, on_note)
    log.keep_until(step)
    board = TensorBoardLog(job.folder / "tensorboard", step) if job.tensorboard else None
    epochs = range(recipe.epochs)
    for epoch, voxels in load_batches(job.scans, epochs, recipe.batch_size, job.voxelize, step, job.workers):
        rate = learning_rate(step, per_epoch, recipe)
        terms = learner.step(voxels, epoch, rate, step)
        log.append(step, epoch, rate, terms)
        if board is not None:
            board.append(step, rate, terms)
        step += 1
        on_step(TrainingStep(epoch, step, total, voxels.points.scans, terms))
        if step % per_epoch == 0 or clock.since_checkpoint() > CHECKPOINT_SECONDS:
            refuse_infinite(learner.state(), Moment(epoch, step - 1))
            _save(job, learner, clock, step)
    if board is not None:
        board.close()
    save_weights(learner.student, job.folder / FILE)
    return learner.student


def training_result(job: TrainingJob, weights_sha256: str) -> TrainingResult:
    """Read what a finished training cost from its last checkpoint and its log."""
    state, _ = checkpoint.load_latest(job.folder / "checkpoint", job.spec.hash)
    if state is None:
        raise ValueError(f"{job.folder} has no checkpoint: it was not trained")
    return TrainingResult(
        steps=state["step"],
        seconds=state["seconds"],
        peak_memory_mib=state["peak_memory_mib"],
        devices=tuple(state["devices"]),
        final_terms=MetricsLog(job.folder / "metrics.jsonl").epoch_mean(job.spec.recipe.epochs - 1),
        weights_sha256=weights_sha256,
        teacher_weights_sha256=job.teacher.weights_sha256 if job.teacher else None,
    )


class _Stopwatch:
    """Seconds, peak memory and devices of this sitting and those before it."""

    def __init__(self, device: torch.device) -> None:
        self.before_s, self.before_mib = 0.0, 0.0
        self.before_devices: list[str] = []
        threads = f", threads: {torch.get_num_threads()}" if device.type == "cpu" else ""
        self.device = describe_device(device) + threads
        self.start = self.last_checkpoint = time.monotonic()
        self.memory = PeakMemory(device)

    def since_checkpoint(self) -> float:
        """Return the seconds since the last checkpoint."""
        return time.monotonic() - self.last_checkpoint

    def seconds(self) -> float:
        """Return the training seconds of all sittings."""
        return self.before_s + time.monotonic() - self.start

    def devices(self) -> list[str]:
        """Return the device and threads of every sitting."""
        return [*self.before_devices, self.device]

    def peak_mib(self) -> float:
        """Return the largest peak of all sittings."""
        return max(self.before_mib, self.memory.mib())


def _resume(job: TrainingJob, learner: Learner, clock: _Stopwatch, on_note: Callable[[str], None]) -> int:
    """Take up the newest sound checkpoint and return the step to go on with; 0 without one."""
    state, broken = checkpoint.load_latest(job.folder / "checkpoint", job.spec.hash)
    for sentence in broken:
        on_note(f"Passed over a broken checkpoint. {sentence}")
    if state is None:
        return 0
    learner.load(state)
    clock.before_s, clock.before_mib = state["seconds"], state["peak_memory_mib"]
    clock.before_devices = state["devices"]
    on_note(f"Resumed at step {state['step']}.")
    return int(state["step"])


def _save(job: TrainingJob, learner: Learner, clock: _Stopwatch, step: int) -> None:
    facts = {"spec": job.spec.hash, "manifest": job.spec.dataset.manifest, "step": step}
    cost = {"seconds": clock.seconds(), "peak_memory_mib": clock.peak_mib(), "devices": clock.devices()}
    checkpoint.save(job.folder / "checkpoint", {**facts, **cost, **learner.state()})
    clock.last_checkpoint = time.monotonic()
