from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from harness.data.multiscan import SemanticKittiMultiScan
from harness.data.semantickitti import SemanticKitti
from harness.data.statistics import class_counts, statistics

WriteSequences = Callable[..., Path]


def test_the_figures_are_those_of_plain_counting(write_sequences: WriteSequences) -> None:
    dataset = SemanticKitti(write_sequences({"00": 3, "10": 2}, points=400))
    figures = statistics(dataset, "train", voxel_size_m=2.0)
    scans = [dataset.read(scan_id) for scan_id in dataset.scan_ids("train")]
    sizes = [len(scan) for scan in scans]
    assert (figures.scans, figures.points) == (5, sum(sizes))
    assert figures.points_per_scan.model_dump() == {
        "mean": np.mean(sizes), "min": min(sizes), "median": np.median(sizes), "max": max(sizes),
    }  # fmt: skip
    cells = [{tuple(round(float(value) / 2.0) for value in point) for point in scan.xyz} for scan in scans]
    assert [level.voxel_size_m for level in figures.levels] == [2, 4, 8, 16, 32]
    assert figures.levels[0].voxels_per_scan.mean == np.mean([len(voxels) for voxels in cells])
    ranges = sorted(float(np.linalg.norm(point.astype(float))) for scan in scans for point in scan.xyz)
    assert figures.range_m["max"] == pytest.approx(ranges[-1])
    for percent in (5, 50, 95):
        exact = ranges[int(np.ceil(len(ranges) * percent / 100)) - 1]
        assert exact <= figures.range_m[f"p{percent}"] + 1e-9
        assert figures.range_m[f"p{percent}"] - exact <= 0.0100001
    labels = [int(label) for scan in scans if scan.labels is not None for label in scan.labels]
    assert list(figures.class_points.values()) == [labels.count(c) for c in range(20)]
    assert sum(figures.class_shares.values()) == pytest.approx(1)


def test_histograms_count_every_point_and_every_scan(write_sequences: WriteSequences) -> None:
    dataset = SemanticKitti(write_sequences({"00": 5}, points=400))
    figures = statistics(dataset, "train", voxel_size_m=2.0)
    metres = [int(np.linalg.norm(p.astype(float))) for i in dataset.scan_ids("train") for p in dataset.read(i).xyz]
    assert figures.range_histogram.edges == tuple(range(max(metres) + 2))
    assert figures.range_histogram.counts == tuple(metres.count(metre) for metre in range(max(metres) + 1))
    assert sum(figures.points_histogram.counts) == 5
    assert (figures.points_histogram.edges[0], figures.points_histogram.edges[-1]) == (400, 412)


def test_some_scans_stand_for_all(write_sequences: WriteSequences) -> None:
    dataset = SemanticKitti(write_sequences({"00": 5, "10": 2}))
    figures = statistics(dataset, "train", 1.0, scans=2)
    assert (figures.scans, figures.scans_found) == (2, 7)
    assert figures.points == len(dataset.read("00/000000")) + len(dataset.read("10/000001"))


def test_a_split_without_labels_has_no_classes(write_sequences: WriteSequences) -> None:
    figures = statistics(SemanticKitti(write_sequences({"11": 2})), "test", voxel_size_m=1.0)
    assert figures.scans == 2
    assert figures.class_points == figures.class_shares == {}


def test_class_counts_equal_those_of_the_scans(write_sequences: WriteSequences) -> None:
    dataset = SemanticKitti(write_sequences({"00": 3}))
    counts = class_counts(dataset, ["00/000000", "00/000002"])
    expected = [0] * 20
    for scan_id in ["00/000000", "00/000002"]:
        for label in dataset.read_labels(scan_id):
            expected[label] += 1
    assert counts == tuple(expected)


def test_workers_do_not_change_the_figures(write_sequences: WriteSequences) -> None:
    dataset = SemanticKitti(write_sequences({"00": 4}))
    assert statistics(dataset, "train", 0.5, workers=2) == statistics(dataset, "train", 0.5)


def test_past_scans_count_for_the_cost_and_not_for_the_classes(write_sequences: WriteSequences) -> None:
    root = write_sequences({"00": 4, "08": 1}, points=400)
    dataset, alone = SemanticKittiMultiScan(root), SemanticKitti(root)
    figures = statistics(dataset, "train", voxel_size_m=2.0)
    ids = dataset.scan_ids("train")
    joined = [dataset.read(scan_id) for scan_id in ids]
    assert figures.points == sum(map(len, joined))
    assert figures.asked_points == sum(len(alone.read(scan_id)) for scan_id in ids) < figures.points
    cells = [{tuple(round(float(value) / 2.0) for value in point) for point in scan.xyz} for scan in joined]
    assert figures.levels[0].voxels_per_scan.mean == np.mean(list(map(len, cells)))
    own = [int(label) for scan_id in ids for label in dataset.read_labels(scan_id)]
    assert figures.class_points == {name: own.count(c) for c, name in enumerate(dataset.class_names)}
    assert figures.class_shares["ignored"] == own.count(0) / len(own)
    assert sum(figures.class_shares.values()) == pytest.approx(1)
    assert statistics(alone, "train", 2.0).asked_points == statistics(alone, "train", 2.0).points
