"""Folders of nuScenes predictions, against loops over points; the devkit itself: `tox -e devkit`."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from harness.data.nuscenes.dataset import NuScenes
from harness.data.street.nuscenes_write import synthesize_nuscenes
from harness.errors import HarnessError
from harness.evaluate.folder_hashes import folder_hashes
from harness.evaluate.predictions import evaluate_predictions
from harness.evaluate.scoring import nuscenes_scores


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> NuScenes:
    root = tmp_path_factory.mktemp("nuscenes") / "set"
    synthesize_nuscenes(root, scans=8, seed=2, azimuths=24)
    return NuScenes(root)


@pytest.fixture
def files(dataset: NuScenes, tmp_path: Path) -> dict[str, np.ndarray]:
    """Predictions right in the folder, by scan."""
    draw, found = np.random.default_rng(3), {}
    for scan_id in dataset.scan_ids("val"):
        true = dataset.read_labels(scan_id)
        guess = draw.integers(1, 17, len(true))
        found[scan_id] = np.where((draw.random(len(true)) < 0.7) & (true > 0), true, guess).astype(np.uint8)
    write(tmp_path, found)
    return found


def write(folder: Path, files: dict[str, np.ndarray]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for scan_id, labels in files.items():
        labels.tofile(folder / f"{scan_id.split('/')[1]}_lidarseg.bin")


@pytest.mark.parametrize("place", [".", "lidarseg/val", "lidarseg/mini_val", "lidarseg/v1.0-trainval"])
def test_scores_equal_a_loop_over_points(dataset: NuScenes, tmp_path: Path, files: dict, place: str) -> None:
    if place != ".":
        for file in list(tmp_path.iterdir()):
            file.unlink()
        write(tmp_path / place, files)
    counts = [[0] * 17 for _ in range(17)]
    for scan_id, predicted in files.items():
        for p, t in zip(predicted.tolist(), dataset.read_labels(scan_id).tolist(), strict=True):
            counts[p][t] += 1
    scores, expected = evaluate_predictions(tmp_path, dataset, "val", workers=1), nuscenes_scores(counts)
    assert scores.confusion == counts
    assert (scores.miou, scores.fwiou, scores.accuracy) == (expected.miou, expected.fwiou, None)
    assert list(scores.iou.values()) == [None if math.isnan(value) else value for value in expected.iou]
    assert {stretch.sequence for stretch in scores.stretches} == {scan_id.split("/")[0] for scan_id in files}


def test_bands_and_hashes(dataset: NuScenes, tmp_path: Path, files: dict) -> None:
    scores = evaluate_predictions(tmp_path, dataset, "val", workers=1, by_distance=True)
    assert 0 < sum(band.points for band in scores.by_distance) <= sum(sum(row[1:]) for row in scores.confusion)
    before = folder_hashes(dataset, "val", tmp_path)
    file = next(tmp_path.glob("*_lidarseg.bin"))
    file.write_bytes(bytes([file.read_bytes()[0] % 16 + 1]) + file.read_bytes()[1:])
    after = folder_hashes(dataset, "val", tmp_path)
    assert after.predictions != before.predictions
    assert after.truth == before.truth


@pytest.mark.parametrize("wrong", [0, 17, 24, 255])
def test_an_id_that_the_devkit_refuses(dataset: NuScenes, tmp_path: Path, files: dict, wrong: int) -> None:
    scan_id, labels = next(iter(files.items()))
    labels[:2] = wrong
    write(tmp_path, {scan_id: labels})
    match = rf"{scan_id.split('/')[1]}_lidarseg\.bin: found raw ids {wrong} \(2 points\); expected a class from 1 to 16"
    with pytest.raises(HarnessError, match=match):
        evaluate_predictions(tmp_path, dataset, "val", workers=1)


def test_two_folders_to_choose_from(dataset: NuScenes, tmp_path: Path, files: dict) -> None:
    for name in ("val", "mini_val"):
        write(tmp_path / "lidarseg" / name, files)
    with pytest.raises(HarnessError, match="found lidarseg/val and lidarseg/mini_val"):
        evaluate_predictions(tmp_path, dataset, "val")


@pytest.mark.parametrize("level", ["lidarseg", "..", "lidarseg/val/deeper"])
def test_a_wrong_level(dataset: NuScenes, tmp_path: Path, files: dict, level: str) -> None:
    base = tmp_path / "submission"
    write(base / "lidarseg/val", files)
    given = tmp_path if level == ".." else base / level
    for file in tmp_path.glob("*.bin"):
        file.unlink()
    given.mkdir(exist_ok=True)
    with pytest.raises(HarnessError, match=r"predictions are missing.*lidarseg/val/TOKEN_lidarseg\.bin.*Did you mean"):
        evaluate_predictions(given, dataset, "val")


def test_words_instead_of_bytes(dataset: NuScenes, tmp_path: Path, files: dict) -> None:
    scan_id, labels = next(iter(files.items()))
    write(tmp_path, {scan_id: labels.astype("<u4")})
    with pytest.raises(HarnessError, match=rf"found {4 * len(labels)} bytes.*expected {len(labels)} bytes, one label"):
        evaluate_predictions(tmp_path, dataset, "val", workers=1)


def test_a_stray_file(dataset: NuScenes, tmp_path: Path, files: dict) -> None:
    (tmp_path / "0_lidarseg.bin").write_bytes(b"1")
    with pytest.raises(HarnessError, match=r"a file that belongs to no scan of the split: 0_lidarseg\.bin"):
        evaluate_predictions(tmp_path, dataset, "val")


def test_a_split_without_a_scored_point_has_no_mean(tmp_path: Path) -> None:
    root, folder = tmp_path / "set", tmp_path / "predicted"
    synthesize_nuscenes(root, scans=3, seed=2, azimuths=16)
    dataset = NuScenes(root)
    noise = next(raw for raw, train in dataset.label_map.raw_to_train.items() if train == 0)
    for scan_id in dataset.scan_ids("val"):
        path = dataset.labels_path(scan_id)
        path.write_bytes(bytes([noise]) * path.stat().st_size)
        write(folder, {scan_id: np.ones(path.stat().st_size, dtype=np.uint8)})
    with pytest.raises(HarnessError, match="not one point of a scored class"):
        evaluate_predictions(folder, dataset, "val", workers=1)
