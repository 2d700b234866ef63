"""The devkit on the same files: `tox -e devkit`."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from harness.data.nuscenes.categories import CLASS_OF, NAMES
from harness.data.nuscenes.dataset import NuScenes
from harness.data.nuscenes.splits import scene_names
from harness.data.splits import Split
from harness.data.street.nuscenes_write import synthesize_nuscenes
from harness.errors import HarnessError
from harness.evaluate.predictions import evaluate_predictions
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


@pytest.mark.parametrize("draw", [1, 2])
def test_the_scores_of_a_folder_are_those_of_the_devkit(opened: Any, root: Path, tmp_path: Path, draw: int) -> None:
    """Its folder as it is: the second time with one class alone, so that others are absent from the predictions."""
    from nuscenes.eval.lidarseg.evaluate import LidarSegEval

    dataset, rng = NuScenes(root), np.random.default_rng(draw)
    folder = tmp_path / "lidarseg" / EVAL_SET
    folder.mkdir(parents=True)
    for scan_id in dataset.scan_ids("val"):
        labels = dataset.read_labels(scan_id)
        right = rng.random(len(labels)) < 0.6
        guess = rng.integers(1, 17, len(labels)) if draw == 1 else np.full(len(labels), 11)
        predicted = np.where(right & (labels > 0) & (draw == 1), labels, guess).astype(np.uint8)
        predicted.tofile(folder / f"{scan_id.split('/')[1]}_lidarseg.bin")
    theirs = LidarSegEval(opened, str(tmp_path), EVAL_SET).evaluate()
    ours = evaluate_predictions(tmp_path, dataset, "val", by_distance=True)
    assert (ours.miou, ours.fwiou) == (theirs["miou"], theirs["freq_weighted_iou"])
    for name, iou in ours.iou.items():
        np.testing.assert_equal(np.nan if iou is None else iou, theirs["iou_per_class"][name])


def test_what_the_devkit_refuses_is_refused(opened: Any, root: Path, tmp_path: Path) -> None:
    from nuscenes.eval.lidarseg.evaluate import LidarSegEval

    dataset, folder = NuScenes(root), tmp_path / "lidarseg" / EVAL_SET
    folder.mkdir(parents=True)
    for scan_id in dataset.scan_ids("val"):
        labels = np.zeros(len(dataset.read_labels(scan_id)), dtype=np.uint8)
        labels.tofile(folder / f"{scan_id.split('/')[1]}_lidarseg.bin")
    with pytest.raises(AssertionError, match="must be between 1 and 16"):
        LidarSegEval(opened, str(tmp_path), EVAL_SET).evaluate()
    with pytest.raises(HarnessError, match="expected a class from 1 to 16"):
        evaluate_predictions(tmp_path, dataset, "val")


@settings(max_examples=60, deadline=None)
@given(
    hnp.arrays(np.int64, (17, 17), elements=st.one_of(st.just(0), st.integers(0, 10**9))), st.sets(st.integers(1, 16))
)
def test_the_rule_is_that_of_the_devkit_bit_for_bit(devkit: Any, counts: Any, absent: set[int]) -> None:
    """On any matrix, also one with absent classes or ignored points alone; theirs has the ground truth in rows."""
    from nuscenes.eval.lidarseg.utils import ConfusionMatrix

    counts[0] = 0
    for class_id in absent:
        counts[class_id] = counts[:, class_id] = 0
    theirs = ConfusionMatrix(17, 0)
    theirs.global_cm = counts.T.copy()
    theirs.global_cm[0] = theirs.global_cm[:, 0] = 0
    ours = nuscenes_scores(counts)
    np.testing.assert_array_equal(ours.iou, theirs.get_per_class_iou()[1:])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a mean of nothing
        np.testing.assert_equal([ours.miou, ours.fwiou], [theirs.get_mean_iou(), theirs.get_freqweighted_iou()])


def test_the_devkit_opens_the_test_version(devkit: Any, root: Path) -> None:
    opened = devkit.NuScenes("v1.0-test", str(root), verbose=False)
    assert len(opened.sample) == len(NuScenes(root).scan_ids("test"))
    assert json.loads((root / "v1.0-test" / "lidarseg.json").read_text()) == []
