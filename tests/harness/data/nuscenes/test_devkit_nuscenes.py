"""The devkit on the same files: `tox -e devkit`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.data.nuscenes.categories import CLASS_OF, NAMES
from harness.data.nuscenes.dataset import NuScenes
from harness.data.nuscenes.splits import scene_names
from harness.data.splits import Split
from harness.data.street.nuscenes_write import synthesize_nuscenes
from harness.evaluate.scoring import nuscenes_scores

pytestmark = pytest.mark.devkit
EVAL_SET = "mini_val"
"""Of the sets that the devkit evaluates, the one all of whose scenes a synthetic set has."""


@pytest.fixture(scope="module")
def devkit() -> Any:
    # Not "nuscenes" alone: pytest puts the folder above this one on the path, where that name is this folder.
    return pytest.importorskip("nuscenes.nuscenes", reason="needs nuscenes-devkit: tox -e devkit")


@pytest.fixture(scope="module")
def root(devkit: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A synthetic set with all tables."""
    out = tmp_path_factory.mktemp("devkit") / "set"
    synthesize_nuscenes(out, scans=24, seed=5, azimuths=40)
    return out


@pytest.fixture(scope="module")
def opened(devkit: Any, root: Path) -> Any:
    """The set as the devkit has it."""
    return devkit.NuScenes("v1.0-trainval", str(root), verbose=False)


@pytest.mark.parametrize(
    ("version", "split", "theirs"),
    [
        ("v1.0-trainval", "train", "train"),
        ("v1.0-trainval", "val", "val"),
        ("v1.0-test", "test", "test"),
        ("v1.0-mini", "train", "mini_train"),
        ("v1.0-mini", "val", "mini_val"),
    ],
)
def test_the_splits_are_those_of_the_devkit(devkit: Any, version: str, split: Split, theirs: str) -> None:
    from nuscenes.utils.splits import create_splits_scenes

    assert sorted(create_splits_scenes()[theirs]) == list(scene_names(version, split))


def test_the_classes_are_those_of_the_devkit(opened: Any, root: Path) -> None:
    from nuscenes.eval.lidarseg.utils import LidarsegClassMapper

    mapper = LidarsegClassMapper(opened)
    ours = {name: "ignore" if class_name == "ignored" else class_name for name, class_name in CLASS_OF.items()}
    assert ours == mapper.fine_name_2_coarse_name_mapping
    assert ["ignore", *NAMES[1:]] == sorted(mapper.coarse_name_2_coarse_idx_mapping, key=_place(mapper))
    assert dict(NuScenes(root).label_map.raw_to_train) == mapper.fine_idx_2_coarse_idx_mapping


def _place(mapper: Any) -> Any:
    return mapper.coarse_name_2_coarse_idx_mapping.__getitem__


def test_the_poses_are_those_of_the_devkit(opened: Any, root: Path) -> None:
    from nuscenes.utils.geometry_utils import transform_matrix
    from pyquaternion import Quaternion

    dataset = NuScenes(root)
    scan_ids = [*dataset.scan_ids("train"), *dataset.scan_ids("val")]
    assert len(scan_ids) == len(opened.sample)
    for scan_id in scan_ids:
        row = opened.get("sample_data", scan_id.split("/")[1])
        ego, sensor = (
            transform_matrix(pose["translation"], Quaternion(pose["rotation"]))
            for pose in (
                opened.get("ego_pose", row["ego_pose_token"]),
                opened.get("calibrated_sensor", row["calibrated_sensor_token"]),
            )
        )
        np.testing.assert_allclose(dataset.pose(scan_id), ego @ sensor, atol=1e-9)
        assert str(dataset.points_path(scan_id)) == opened.get_sample_data_path(row["token"])


def test_the_scores_are_those_of_the_devkit(opened: Any, root: Path, tmp_path: Path) -> None:
    from nuscenes.eval.lidarseg.evaluate import LidarSegEval

    dataset, rng = NuScenes(root), np.random.default_rng(1)
    folder = tmp_path / "lidarseg" / EVAL_SET
    folder.mkdir(parents=True)
    confusion = np.zeros((17, 17), dtype=np.int64)
    for scan_id in dataset.scan_ids("val"):
        labels = dataset.read(scan_id).labels
        assert labels is not None
        right = rng.random(len(labels)) < 0.6
        predicted = np.where(right & (labels > 0), labels, rng.integers(1, 17, len(labels))).astype(np.uint8)
        predicted.tofile(folder / f"{scan_id.split('/')[1]}_lidarseg.bin")
        np.add.at(confusion, (predicted, labels), 1)
    theirs = LidarSegEval(opened, str(tmp_path), EVAL_SET).evaluate()
    ours = nuscenes_scores(confusion)
    assert ours.miou == theirs["miou"]
    assert ours.fwiou == theirs["freq_weighted_iou"]
    for name, iou in zip(NAMES[1:], ours.iou, strict=True):
        np.testing.assert_equal(iou, theirs["iou_per_class"][name])


def test_the_devkit_opens_the_test_version(devkit: Any, root: Path) -> None:
    opened = devkit.NuScenes("v1.0-test", str(root), verbose=False)
    assert len(opened.sample) == len(NuScenes(root).scan_ids("test"))
    assert json.loads((root / "v1.0-test" / "lidarseg.json").read_text()) == []
