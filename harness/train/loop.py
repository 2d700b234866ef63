"""The training loop: epochs of steps, each logged; checkpoints; resume to the very same weights."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from backbones.backbone import Backbone, Voxelizer
from harness.data.loader import TrainingScans, load_batches
from harness.data.share import Share, scans_per_part
from harness.metrics import MetricsLog
from harness.spec import CellSpec, TrainingResult
from harness.store import CellFolder
from harness.train import checkpoint
from harness.train.finite import Moment, refuse_infinite
from harness.train.learner import Learner
from harness.train.optimiser import learning_rate
from harness.train.processes import Processes
from harness.train.sitting import Sitting, Stopped
from harness.train.stopwatch import Stopwatch, spent_by
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
        device: to train on; of this process.
        workers: loader processes of this process; 0 loads in it. The weights do not depend on it.
        tensorboard: also write the loss terms to ``<folder>/tensorboard``.
        commit: of the working copy that trains, for the record; None when it is none.
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
    commit: str | None = None


def train(
    job: TrainingJob,
    on_step: Callable[[TrainingStep], None],
    on_note: Callable[[str], None],
    sitting: Sitting = Sitting(),  # noqa: B008 - frozen
) -> Backbone:
    """Train a cell to its last epoch, going on from its newest sound checkpoint, and write its weights.

    Args:
        job: what to train; of several processes the first one writes files.
        on_step: called after every step.
        on_note: called with a sentence about each thing worth telling (resumed from, broken checkpoint).
        sitting: how the steps are shared, and whether to leave early.

    Returns:
        The trained student. `training_result` then says what it cost.

    Raises:
        HarnessError: bad data, a term, gradient or weight that is not finite, a foreign checkpoint, a full disk.
        FailedElsewhere: another process has such a fault.
        Stopped: the sitting was told to end, and there is a checkpoint of all that was done.
    """
    recipe, processes = job.spec.recipe, sitting.processes
    micro_batch = scans_per_part(recipe.batch_size, sitting.micro_batch, processes.count)
    share = Share(micro_batch, processes.rank, processes.count)
    learner = Learner(job.spec, job.class_counts, job.teacher.network if job.teacher else None, job.device, processes)
    per_epoch = len(job.scans.epoch_batches(0, recipe.batch_size))
    total = recipe.epochs * per_epoch
    clock = Stopwatch(job.device, share, recipe.batch_size, job.commit)
    step = _resume(job, learner, clock, total, on_note if processes.is_first else _nobody)
    logs = _Logs(job, step) if processes.is_first else None
    epochs = range(recipe.epochs)
    for batch in load_batches(job.scans, epochs, recipe.batch_size, job.voxelize, step, job.workers, share):
        rate = learning_rate(step, per_epoch, recipe)
        terms = learner.step(batch, rate, step)
        if logs is not None:
            logs.append(step, batch.epoch, rate, terms)
        step += 1
        on_step(TrainingStep(batch.epoch, step, total, len(batch.scan_ids), terms))
        due = step % per_epoch == 0 or clock.since_checkpoint() > CHECKPOINT_SECONDS
        asked = processes.gather((sitting.stop(), due))
        leave = any(stop for stop, _ in asked)
        if leave or any(save for _, save in asked):
            refuse_infinite(learner.state(), Moment(batch.epoch, step - 1))
            _save(job, learner, clock, step, processes)
        if leave:
            raise Stopped(f"after step {step} of {total}")
    if logs is not None:
        logs.close()
        save_weights(learner.student, job.folder / FILE, job.spec.train_on)
    return learner.student


def training_result(job: TrainingJob, weights_sha256: str) -> TrainingResult:
    """Read what a finished training cost from its last checkpoint and its log."""
    state, _ = checkpoint.load_latest(job.folder / "checkpoint", job.spec.hash)
    if state is None:
        raise ValueError(f"{job.folder} has no checkpoint: it was not trained")
    sittings = spent_by(state).sittings
    return TrainingResult(
        steps=state["step"],
        seconds=state["seconds"],
        peak_memory_mib=state["peak_memory_mib"],
        devices=tuple(state["devices"]),
        final_terms=MetricsLog(job.folder / "metrics.jsonl").epoch_mean(job.spec.recipe.epochs - 1),
        weights_sha256=weights_sha256,
        teacher_weights_sha256=job.teacher.weights_sha256 if job.teacher else None,
        micro_batch=min((s.micro_batch for s in sittings if s.micro_batch is not None), default=None),
        processes=max(s.processes for s in sittings),
        sittings=sittings,
    )


class _Logs:
    """metrics.jsonl and, where it is wanted, TensorBoard; what was logged from `step` on is dropped."""

    def __init__(self, job: TrainingJob, step: int) -> None:
        self.metrics = MetricsLog(job.folder / "metrics.jsonl")
        self.metrics.keep_until(step)
        self.board = TensorBoardLog(job.folder / "tensorboard", step) if job.tensorboard else None

    def append(self, step: int, epoch: int, rate: float, terms: dict[str, float]) -> None:
        """Log one step."""
        self.metrics.append(step, epoch, rate, terms)
        if self.board is not None:
            self.board.append(step, rate, terms)

    def close(self) -> None:
        """Write what is held back."""
        if self.board is not None:
            self.board.close()


def _resume(job: TrainingJob, learner: Learner, clock: Stopwatch, steps: int, on_note: Callable[[str], None]) -> int:
    """Take up the newest sound checkpoint and return the step to go on with; 0 without one."""
    state, broken = checkpoint.load_latest(job.folder / "checkpoint", job.spec.hash, steps)
    for sentence in broken:
        on_note(f"Passed over a broken checkpoint. {sentence}")
    if state is None:
        return 0
    learner.load(state)
    clock.take_up(state)
    on_note(f"Resumed at step {state['step']}.")
    if learner.processes.is_first:
        CellFolder(job.folder).event("resumed", step=state["step"])
    return int(state["step"])


def _save(job: TrainingJob, learner: Learner, clock: Stopwatch, step: int, processes: Processes) -> None:
    facts = {"spec": job.spec.hash, "manifest": job.spec.dataset.manifest, "step": step}
    cost = clock.cost(step)
    cost["peak_memory_mib"] = max(processes.gather(cost["peak_memory_mib"]))
    if processes.is_first:
        begun = time.monotonic()
        MetricsLog(job.folder / "metrics.jsonl").sync()  # after a power cut too, no checkpoint is ahead of the log
        checkpoint.save(job.folder / "checkpoint", {**facts, **cost, **learner.state()})
        CellFolder(job.folder).event("checkpoint", step=step, seconds=round(time.monotonic() - begun, 3))
    clock.last_checkpoint = time.monotonic()


def _nobody(sentence: str) -> None:
    """Tell nobody: the first process tells it."""
