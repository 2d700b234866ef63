"""The score of predictions, against counts made point by point with plain loops."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from itertools import pairwise
from math import sqrt

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from backbones.build import build_backbone, build_voxelizer
from backbones.points import PointBatch
from harness.data.dataset import Dataset
from harness.data.nuscenes.dataset import NuScenes
from harness.data.semantickitti import SemanticKitti
from harness.evaluate.evaluate import predict
from harness.evaluate.score import score_predictions
from harness.evaluate.scoring import official_scores
from harness.evaluate.tta import predict_from_views
from harness.spec import ScoreResult, TtaSpec

CPU = torch.device("cpu")
SCANS = [*(f"00/{frame:06d}" for frame in range(105)), *(f"08/{frame:06d}" for frame in range(4))]
CUTS = [("00", 0, 53), ("00", 53, 105), ("08", 105, 109)]
"""The stretches of `SCANS`."""
LIMITS_M = (0.0, 10.0, 20.0, 30.0, 40.0, 50.0)


class Scans(list[tuple[PointBatch, Tensor]]):
    """Small random scans with their predictions, no class 3 and no 7 anywhere."""

    def __init__(self, classes: int, seed: int = 0, points: int = 40) -> None:
        draw = np.random.default_rng(seed)
        present = np.setdiff1d(np.arange(1, classes + 1), [3, 7])
        for scan_id in SCANS:
            xyz = draw.normal(0, 22, (points, 3)).astype(np.float32)
            xyz[0] = draw.choice([0.0, 10.0, 50.0]), 0, 0  # on a limit, which is in no band
            labels = np.where(draw.random(points) < 0.2, 0, draw.choice(present, points))
            guessed = np.where(draw.random(points) < 0.5, labels, draw.choice(present, points))
            batch = PointBatch(
                xyz=torch.from_numpy(xyz),
                intensity=torch.from_numpy(draw.random(points).astype(np.float32)),
                scan_index=torch.zeros(points, dtype=torch.int64),
                labels=torch.from_numpy(labels),
                scan_ids=(scan_id,),
            )
            self.append((batch, torch.from_numpy(np.where(guessed == 0, 1, guessed))))


def count_by_loop(scans: Scans, classes: int) -> dict[tuple[str, object], NDArray[np.int64]]:
    """Confusion matrices by ("band", index or None) and ("scan", id)."""
    counts: dict[tuple[str, object], NDArray[np.int64]] = defaultdict(
        lambda: np.zeros((classes + 1, classes + 1), dtype=np.int64)
    )
    for points, predicted in scans:
        assert points.labels is not None
        for (x, y, z), guess, true in zip(points.xyz.numpy(), predicted.tolist(), points.labels.tolist(), strict=True):
            depth = np.float32(sqrt(np.float32(np.float32(x * x + y * y) + z * z)))
            inside = [i for i in range(5) if LIMITS_M[i] < depth < LIMITS_M[i + 1]]
            counts["band", inside[0] if inside else None][guess, true] += 1
            counts["scan", points.scan_ids[0]][guess, true] += 1
    return counts


def assert_score_is(found: ScoreResult, task: type[Dataset], scans: Scans) -> None:
    """Compare every figure of a score with what loops count."""
    classes, rule = len(task.class_names) - 1, task.scoring_rule
    counts = count_by_loop(scans, classes)
    whole = sum(matrix for (kind, _), matrix in counts.items() if kind == "band")
    assert np.array_equal(found.confusion, whole)
    expected = official_scores(rule, whole)
    assert (found.miou, found.accuracy, found.fwiou) == (expected.miou, expected.accuracy, expected.fwiou)
    assert list(found.iou) == list(task.class_names[1:])
    assert [np.nan if v is None else v for v in found.iou.values()] == pytest.approx(expected.iou, abs=0, nan_ok=True)
    assert [(round(band.above_m), band.below_m) for band in found.by_distance] == list(pairwise(LIMITS_M))
    for index, band in enumerate(found.by_distance):
        matrix = counts["band", index]
        expected = official_scores(rule, matrix)
        assert band.points == sum(matrix[p, t] for p in range(classes + 1) for t in range(1, classes + 1))
        assert band.miou == expected.miou
        assert [np.nan if v is None else v for v in band.iou.values()] == pytest.approx(
            expected.iou, abs=0, nan_ok=True
        )
    assert counts["band", None][:, 1:].sum() > 0, "some scored points lie in no band"
    assert [(s.sequence, s.first, s.scans) for s in found.stretches] == [
        (sequence, SCANS[start], end - start) for sequence, start, end in CUTS
    ]
    for stretch, (_, start, end) in zip(found.stretches, CUTS, strict=True):
        matrix = sum(counts["scan", scan_id] for scan_id in SCANS[start:end])
        for place, c in enumerate(range(1, classes + 1)):
            assert stretch.correct[place] == matrix[c, c]
            assert stretch.predicted[place] == sum(matrix[c, t] for t in range(1, classes + 1))
            assert stretch.true[place] == sum(matrix[p, c] for p in range(classes + 1))


@pytest.fixture(params=[SemanticKitti, NuScenes])
def task(request: pytest.FixtureRequest) -> type[Dataset]:
    found: type[Dataset] = request.param
    return found


def test_a_score_is_what_loops_count(task: type[Dataset]) -> None:
    scans, done = Scans(len(task.class_names) - 1), list[int]()
    found = score_predictions(scans, task, SCANS, CPU, done.append)
    assert_score_is(found, task, scans)
    assert done == list(range(1, len(SCANS) + 1))


@pytest.mark.parametrize("processes", [2, 3, 7])
def test_the_score_does_not_depend_on_the_number_of_processes(task: type[Dataset], processes: int) -> None:
    """Scans are dealt out one by one, so that each process has some of every stretch."""
    scans, shares = Scans(len(task.class_names) - 1), list[Tensor]()

    def keep(counts: Tensor) -> Tensor:
        shares.append(counts.clone())
        return counts

    for rank in range(1, processes):
        score_predictions(scans[rank::processes], task, SCANS, CPU, add_up=keep)
    first = score_predictions(scans[::processes], task, SCANS, CPU, add_up=lambda own: own + sum(shares))
    assert first == score_predictions(scans, task, SCANS, CPU)


def test_the_views_of_a_scan_are_counted_at_the_distances_of_its_file() -> None:
    """A view that is twice as large has no point elsewhere."""
    network, voxelize = build_backbone("minkowskinet", 0.0625, 19), build_voxelizer("minkowskinet", 4.0)
    batches = [points for points, _ in Scans(19)[:6]]
    plain = score_predictions(predict(network, voxelize, batches, CPU), SemanticKitti, SCANS[:6], CPU)
    views = TtaSpec(flip=("none", "x"), scale=(2.0, 1.0))
    seen = score_predictions(predict_from_views(network, voxelize, batches, CPU, views), SemanticKitti, SCANS[:6], CPU)
    assert [band.points for band in seen.by_distance] == [band.points for band in plain.by_distance]
    assert [stretch.true for stretch in seen.stretches] == [stretch.true for stretch in plain.stretches]
    assert 0 < sum(band.points for band in seen.by_distance) < sum(sum(stretch.true) for stretch in seen.stretches)


def test_only_the_points_that_are_asked_for_are_counted() -> None:
    """Past scans lie elsewhere and are scored with their own scan."""
    [(points, _)] = Scans(19)[:1]
    joined = PointBatch(
        xyz=torch.cat([points.xyz, torch.full((30, 3), 5.0)]),
        intensity=torch.cat([points.intensity, torch.zeros(30)]),
        scan_index=torch.zeros(70, dtype=torch.int64),
        labels=torch.cat([points.labels, torch.ones(30, dtype=torch.int64)]),
        scan_ids=points.scan_ids,
        asked=torch.arange(70) < 40,
    )
    network, voxelize = build_backbone("minkowskinet", 0.0625, 19), build_voxelizer("minkowskinet", 4.0)
    alone, among = (
        score_predictions(predict(network, voxelize, [batch], CPU), SemanticKitti, SCANS[:1], CPU)
        for batch in (points, joined)
    )
    assert [band.points for band in among.by_distance] == [band.points for band in alone.by_distance]
    assert among.stretches[0].true == alone.stretches[0].true


def test_scans_are_counted_one_at_a_time_and_whoever_watches_may_stop() -> None:
    read: list[str] = []

    def predictions() -> Iterator[tuple[PointBatch, Tensor]]:
        for points, predicted in Scans(19):
            read.append(points.scan_ids[0])
            yield points, predicted

    def stop(done: int) -> None:
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        score_predictions(predictions(), SemanticKitti, SCANS, CPU, stop)
    assert read == SCANS[:3]


def test_a_scan_without_labels_is_no_one_to_score() -> None:
    [(points, predicted)] = Scans(19)[:1]
    bare = PointBatch(points.xyz, points.intensity, points.scan_index, None, points.scan_ids)
    with pytest.raises(ValueError, match="00/000000 has no labels"):
        score_predictions([(bare, predicted)], SemanticKitti, SCANS, CPU)
