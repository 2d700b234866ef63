"""One cell from its spec to its result: train, evaluate, measure."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from backbones.backbone import Backbone
from backbones.build import count_parameters
from harness.data.loader import TrainingScans
from harness.errors import HarnessError
from harness.matrix.data import RunData
from harness.matrix.examine import Examination
from harness.matrix.order import Resources
from harness.matrix.progress import Progress
from harness.matrix.protocol import cell_card, is_scored
from harness.matrix.provenance import provenance
from harness.matrix.working_copy import working_copy
from harness.spec import CellResult, CellSpec, ScoreResult, TtaResult
from harness.store import CellFolder, Store
from harness.train.learner import build_network, network_voxelizer
from harness.train.loop import Teacher, TrainingJob, train, training_result
from harness.train.sitting import Sitting
from harness.train.weights import FILE, load_weights


def run_cell(
    spec: CellSpec,
    folder: CellFolder,
    store: Store,
    data: RunData,
    resources: Resources,
    progress: Progress,
    sitting: Sitting = Sitting(),  # noqa: B008 - frozen
) -> CellResult:
    """Train, evaluate and measure a cell; of several processes the first one does this, and the others `assist`.

    Raises:
        HarnessError: the teacher is not finished, or the data or the training is at fault.
        FailedElsewhere: another process has such a fault.
        Stopped: the sitting was told to end; what was trained is in a checkpoint.
    """
    job = _training_job(spec, folder, store, data, resources)
    student = train(job, progress.step, progress.note, sitting)
    training = training_result(job, load_weights(student, folder.path / FILE, spec.train_on))
    examination = Examination(spec, student, job.voxelize, data, resources.device, progress, sitting)
    seconds, latency = {"train": training.seconds}, None
    score, tta = _scores(examination, seconds)
    with _timed("count MACs", seconds):
        macs = examination.macs()
    if spec.measure.latency_scans:
        with _timed("measure latency", seconds):
            latency = examination.latency()
    memory, device = training.peak_memory_mib, resources.device
    origin = provenance(spec, store, folder, seconds, sitting.processes.count, memory, device, training.sittings)
    return CellResult(
        spec=spec,
        status="finished",
        protocol=cell_card(spec, device),
        parameters=count_parameters(student),
        score=score,
        tta=tta,
        macs=macs,
        latency=latency,
        training=training,
        provenance=origin,
    )


def assist(
    spec: CellSpec,
    folder: CellFolder,
    store: Store,
    data: RunData,
    resources: Resources,
    progress: Progress,
    sitting: Sitting,
) -> None:
    """Do the share of a cell's training and evaluation that falls to a process other than the first; see `run_cell`."""
    job = _training_job(spec, folder, store, data, resources)
    student = train(job, progress.step, progress.note, sitting)
    examination = Examination(spec, student, job.voxelize, data, resources.device, progress, sitting)
    _scores(examination, {})


def _scores(examination: Examination, seconds: dict[str, float]) -> tuple[ScoreResult | None, TtaResult | None]:
    """Evaluate a network on the scans of its cell, if it has not seen them in its training, and enter the times."""
    views, score, tta = examination.spec.measure.tta, None, None
    if is_scored(examination.spec):
        with _timed("evaluate", seconds):
            score = examination.score()
        if views is not None:
            with _timed("evaluate with TTA", seconds):
                tta = examination.tta(views)
    return score, tta


def load_cell_network(folder: CellFolder) -> tuple[Backbone, str]:
    """Return the network of a cell with its final weights, and the SHA-256 of their file.

    Raises:
        HarnessError: the cell is not finished, or its weights are not those its result names, or say that they were
            trained on other splits.
    """
    spec, result = folder.spec(), folder.result()
    if result is None or result.training is None:
        who = "teacher" if spec.role == "teacher" else "student"
        remedy = f"Run its matrix to the end first; `harness show {spec.hash}` says what it lacks."
        raise HarnessError(f"{who} {folder.cell}", f"status {folder.status()}", "a finished cell", remedy)
    network = build_network(spec.backbone, spec.engine, spec.seed)
    sha256 = load_weights(network, folder.path / FILE, spec.train_on)
    if sha256 != result.training.weights_sha256:
        found, expected = f"SHA-256 {sha256[:12]}…", f"{result.training.weights_sha256[:12]}…, as its result says"
        remedy = "The file was exchanged: move the cell's folder away and run the matrix again."
        raise HarnessError(folder.path / FILE, found, expected, remedy)
    return network, sha256


def _training_job(spec: CellSpec, folder: CellFolder, store: Store, data: RunData, resources: Resources) -> TrainingJob:
    copy = working_copy()
    return TrainingJob(
        spec=spec,
        scans=TrainingScans(
            data.dataset,
            data.training_scans(spec.train_on),
            spec.recipe.augmentation,
            spec.seed,
            spec.recipe.scans_per_epoch,
        ),
        voxelize=network_voxelizer(spec.backbone),
        class_counts=data.training_counts(spec.train_on),
        teacher=None if spec.teacher is None else Teacher(*load_cell_network(store.find(spec.teacher))),
        folder=folder.path,
        device=resources.device,
        workers=resources.workers,
        tensorboard=resources.tensorboard,
        commit=None if copy is None else copy.description,
    )


@contextmanager
def _timed(phase: str, seconds: dict[str, float]) -> Iterator[None]:
    """Enter into `seconds` how long a phase takes."""
    begun = time.monotonic()
    yield
    seconds[phase] = time.monotonic() - begun
