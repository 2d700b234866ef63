"""A trained network and the scans it is examined on: its scores, its MACs, its latency."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from backbones.backbone import Backbone, Voxelizer
from backbones.points import PointBatch
from harness.data.evenly import evenly_spaced
from harness.evaluate.evaluate import predict
from harness.evaluate.score import score_predictions
from harness.evaluate.tta import predict_from_views
from harness.matrix.data import RunData, read_batches, spread_by_size
from harness.matrix.progress import Progress
from harness.measure.latency import measure_latency
from harness.measure.macs import count_macs
from harness.measure.macs_summary import summarise
from harness.spec import CellSpec, LatencyResult, MacsResult, ScoreResult, TtaResult, TtaSpec
from harness.train.sitting import Sitting, Stopped


@dataclass(frozen=True)
class Examination:
    """What the result of a cell says of its network.

    Attributes:
        spec: the cell.
        network: with its final weights, on `device`.
        voxelize: what it reads.
        data: whose evaluation scans it is shown.
        device: of this process.
        progress: told of every scan.
        sitting: of the training. Of several processes each evaluates every so manieth scan, none twice, and the counts
            are summed up; MACs and latency are those of the process that asks.
    """

    spec: CellSpec
    network: Backbone
    voxelize: Voxelizer
    data: RunData
    device: torch.device
    progress: Progress
    sitting: Sitting

    def score(self) -> ScoreResult:
        """Evaluate every scan by the official rule; not of a cell that was trained on them, see `is_scored`."""
        return self._score(predict(self.network, self.voxelize, self._scans(), self.device), "evaluate")

    def tta(self, views: TtaSpec) -> TtaResult:
        """Evaluate every scan from several views, by the same rule."""
        predictions = predict_from_views(self.network, self.voxelize, self._scans(), self.device, views)
        return TtaResult(settings=views, views=views.views, score=self._score(predictions, "evaluate with TTA"))

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

    def _scans(self) -> Iterator[PointBatch]:
        """Read the scans of this process."""
        processes = self.sitting.processes
        return read_batches(self.data.dataset, self.data.evaluation[processes.rank :: processes.count])

    def _score(self, predictions: Iterator[tuple[PointBatch, Tensor]], phase: str) -> ScoreResult:
        """Count the predictions of all processes.

        Raises:
            Stopped: the sitting was told to end; the evaluation begins anew in the next.
        """
        processes, scan_ids = self.sitting.processes, self.data.evaluation

        def on_scan(done: int) -> None:
            self.progress.phase(phase, min(done * processes.count, len(scan_ids)), len(scan_ids))
            if self.sitting.stop():
                raise Stopped(f"in phase {phase}")

        task = type(self.data.dataset)
        return score_predictions(predictions, task, scan_ids, self.device, on_scan, processes.add_up)
