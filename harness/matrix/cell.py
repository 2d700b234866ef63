"""One cell from its spec to its result: train, evaluate, measure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import isnan

import torch
from torch import Tensor

from backbones.backbone import Backbone, Voxelizer
from backbones.build import count_parameters
from backbones.points import PointBatch
from harness.data.evenly import evenly_spaced
from harness.data.loader import TrainingScans
from harness.errors import HarnessError
from harness.evaluate.confusion import ConfusionMatrix
from harness.evaluate.evaluate import predict
from harness.evaluate.scoring import Scores, official_scores
from harness.evaluate.tta import predict_from_views
from harness.matrix.data import RunData, read_batches, spread_by_size
from harness.matrix.order import Resources
from harness.matrix.progress import Progress
from harness.matrix.protocol import protocol_card
from harness.measure.latency import measure_latency
from harness.measure.macs import count_macs, summarise
from harness.spec import CellResult, CellSpec, LatencyResult, MacsResult, ScoreResult, TtaResult, TtaSpec
from harness.store import CellFolder, Store
from harness.train.learner import build_network, network_voxelizer
from harness.train.loop import Teacher, TrainingJob, train, training_result
from harness.train.weights import FILE, load_weights


def run_cell(
    spec: CellSpec, folder: CellFolder, store: Store, data: RunData, resources: Resources, progress: Progress
) -> CellResult:
    """Train, evaluate and measure a cell.

    Raises:
        HarnessError: the teacher is not finished, or the data or the training is at fault.
    """
    job = _training_job(spec, folder, store, data, resources)
    student = train(job, progress.step, progress.note)
    weights_sha256 = load_weights(student, folder.path / FILE)
    examined = _Examined(spec, student, job.voxelize, data, resources.device, progress)
    return CellResult(
        spec=spec,
        status="finished",
        protocol=protocol_card(spec, resources.device),
        parameters=count_parameters(student),
        score=examined.score(),
        tta=examined.tta(spec.measure.tta) if spec.measure.tta else None,
        macs=examined.macs(),
        latency=examined.latency() if spec.measure.latency_scans else None,
        training=training_result(job, weights_sha256),
    )


def load_cell_network(folder: CellFolder) -> tuple[Backbone, str]:
    """Return the network of a cell with its final weights, and the SHA-256 of their file.

    Raises:
        HarnessError: the cell is not finished, or its weights are not those its result names.
    """
    spec, result = folder.spec(), folder.result()
    if result is None or result.training is None:
        found = f"status {folder.status()}" + (f": {result.reason}" if result and result.reason else "")
        raise HarnessError(f"cell {folder.cell}", found, "a finished cell", "Run its matrix to the end first.")
    network = build_network(spec.backbone, spec.engine, spec.seed)
    sha256 = load_weights(network, folder.path / FILE)
    if sha256 != result.training.weights_sha256:
        found, expected = f"SHA-256 {sha256[:12]}…", f"{result.training.weights_sha256[:12]}…, as its result says"
        remedy = "The file was exchanged: move the cell's folder away and run the matrix again."
        raise HarnessError(folder.path / FILE, found, expected, remedy)
    return network, sha256


def _training_job(spec: CellSpec, folder: CellFolder, store: Store, data: RunData, resources: Resources) -> TrainingJob:
    return TrainingJob(
        spec=spec,
        scans=TrainingScans(data.dataset, data.train, spec.recipe.augmentation, spec.seed),
        voxelize=network_voxelizer(spec.backbone),
        class_counts=data.class_counts,
        teacher=None if spec.teacher is None else Teacher(*load_cell_network(store.find(spec.teacher))),
        folder=folder.path,
        device=resources.device,
        workers=resources.workers,
        tensorboard=resources.tensorboard,
    )


@dataclass(frozen=True)
class _Examined:
    """A trained network and the evaluation scans it is examined on."""

    spec: CellSpec
    network: Backbone
    voxelize: Voxelizer
    data: RunData
    device: torch.device
    progress: Progress

    def score(self) -> ScoreResult:
        """Evaluate every scan by the official rule."""
        return self._score(predict(self.network, self.voxelize, self._scans(), self.device), "evaluate")

    def tta(self, views: TtaSpec) -> TtaResult:
        """Evaluate every scan from several views, by the same rule."""
        predictions = predict_from_views(self.network, self.voxelize, self._scans(), self.device, views)
        return TtaResult(settings=views, views=views.views, score=self._score(predictions, "evaluate with TTA"))

    def _scans(self) -> Iterator[PointBatch]:
        return read_batches(self.data.dataset, self.data.evaluation)

    def _score(self, predictions: Iterator[tuple[PointBatch, Tensor]], phase: str) -> ScoreResult:
        confusion = ConfusionMatrix(self.spec.backbone.classes, self.device)
        for done, (points, predicted) in enumerate(predictions, 1):
            if points.labels is None:
                raise ValueError(f"{points.scan_ids[0]} has no labels to score")
            confusion.update(predicted, points.labels)
            self.progress.phase(phase, done, len(self.data.evaluation))
        dataset = self.data.dataset
        return _score_result(official_scores(dataset.scoring_rule, confusion.counts.cpu()), dataset.class_names)

    def macs(self) -> MacsResult:
        """Count MACs on scans spread evenly over the split."""
        scan_ids = evenly_spaced(self.data.evaluation, self.spec.measure.macs_scans)
        counts = []
        for done, points in enumerate(read_batches(self.data.dataset, scan_ids), 1):
            counts.append(count_macs(self.network, self.voxelize(points.to(self.device))))
            self.progress.phase("count MACs", done, len(scan_ids))
        return summarise(counts)

    def latency(self) -> LatencyResult:
        """Time scans spread evenly over their sizes."""
        chosen = spread_by_size(self.data.dataset, self.data.evaluation, self.spec.measure.latency_scans)
        result = measure_latency(
            self.network,
            self.voxelize,
            list(read_batches(self.data.dataset, chosen)),
            self.spec.measure.latency_passes,
            self.device,
            progress=lambda done, total: self.progress.phase("measure latency", done, total),
        )
        # This process has just trained the network: its first scan is not a cold start.
        return result.model_copy(update={"cold_start_ms": None})


def _score_result(scores: Scores, class_names: Sequence[str]) -> ScoreResult:
    """Return scores as a record, by class name; a class that the rule leaves out has no IoU."""
    return ScoreResult(
        miou=scores.miou,
        accuracy=scores.accuracy,
        fwiou=scores.fwiou,
        iou={n: None if isnan(v) else v for n, v in zip(class_names[1:], scores.iou, strict=True)},
        confusion=scores.confusion.tolist(),
    )
