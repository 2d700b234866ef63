from __future__ import annotations

import hashlib
import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.data.integrity import check
from harness.data.nuscenes.categories import CLASS_OF, NAMES
from harness.data.nuscenes.dataset import NuScenes
from harness.data.open import open_dataset
from harness.errors import HarnessError

Made = Any
WriteSet = Callable[..., Made]


def mini(made: Made, **more: Any) -> NuScenes:
    return NuScenes(made.root, version="v1.0-mini", **more)


def test_a_scan_is_read_as_written(write_set: WriteSet) -> None:
    made = write_set()
    row = made.lidar_rows()[0]
    scan = mini(made).read(f"scene-0061/{row['token']}")
    points = np.fromfile(made.root / row["filename"], "<f4").reshape(-1, 5)
    raw = np.fromfile(made.root / f"lidarseg/v1.0-mini/{row['token']}_lidarseg.bin", "u1")
    np.testing.assert_array_equal(scan.xyz, points[:, :3])
    np.testing.assert_array_equal(scan.intensity, points[:, 3] / np.float32(255))
    assert scan.intensity.dtype == scan.xyz.dtype == np.float32
    names = {category["index"]: category["name"] for category in made.tables["category"]}
    assert scan.labels is not None
    assert [NAMES[label] for label in scan.labels] == [CLASS_OF[names[int(index)]] for index in raw]
    np.testing.assert_array_equal(mini(made).read_labels(scan.scan_id), scan.labels)
    assert scan.instances is None


def test_scans_are_listed_by_scene_and_time(write_set: WriteSet) -> None:
    made = write_set({"scene-1077": 1, "scene-0061": 3, "scene-0103": 1})
    dataset = mini(made)
    times = {row["token"]: row["timestamp"] for row in made.lidar_rows()}
    listed = [scan_id.split("/") for scan_id in dataset.scan_ids("train")]
    assert [scene for scene, _ in listed] == ["scene-0061"] * 3 + ["scene-1077"]
    assert [times[token] for _, token in listed[:3]] == sorted(times[token] for _, token in listed[:3])
    assert [scan_id.split("/")[0] for scan_id in dataset.scan_ids("val")] == ["scene-0103"]


def test_it_opens_by_name_and_says_what_it_is(write_set: WriteSet) -> None:
    made = write_set()
    dataset = open_dataset("nuscenes", made.root, settings={"version": "v1.0-mini"})
    description = dataset.description()
    assert description.synthetic
    assert not description.partial
    assert description.scans == description.official_scans == {"train": 2, "val": 3}
    assert description.settings == {"version": "v1.0-mini"}
    with pytest.raises(HarnessError, match="version"):
        open_dataset("nuscenes", made.root, settings={"version": "v1.0-test"})


def test_the_test_split_has_tables_of_its_own_and_no_labels(write_set: WriteSet) -> None:
    made = write_set()
    with pytest.raises(HarnessError, match="0 scans"):
        mini(made).scan_ids("test")
    write_set({"scene-0077": 2}, version="v1.0-test")
    dataset = mini(made)
    scan_ids = dataset.scan_ids("test")
    assert [dataset.read(scan_id).labels for scan_id in scan_ids] == [None, None]
    assert not dataset.labelled(scan_ids[0])
    assert not any("lidarseg" in path for path in dataset.files(scan_ids[0]))
    with pytest.raises(HarnessError, match="a scan of the test split"):
        dataset.labels_path(scan_ids[0])


def test_a_missing_root_or_version_is_named(tmp_path: Path) -> None:
    with pytest.raises(HarnessError, match="nowhere: found no such folder"):
        NuScenes(tmp_path / "nowhere")
    with pytest.raises(HarnessError, match=r"a folder without v1\.0-trainval/"):
        NuScenes(tmp_path)


@pytest.mark.parametrize("scan_id", ["", "scene-0061", "scene-0061/x", "scene-0077/x", "x/y/z"])
def test_no_such_scan_is_named(write_set: WriteSet, scan_id: str) -> None:
    made = write_set()
    write_set({"scene-0077": 1}, version="v1.0-test")
    with pytest.raises(HarnessError, match="no such keyframe"):
        mini(made).read(scan_id)


def test_a_scan_of_another_scene_is_not_taken(write_set: WriteSet) -> None:
    made = write_set()
    with pytest.raises(HarnessError, match="no such keyframe"):
        mini(made).read(f"scene-0103/{made.lidar_rows()[0]['token']}")


def test_damaged_labels_are_named(write_set: WriteSet) -> None:
    made = write_set()
    scan_id = f"scene-0061/{made.lidar_rows()[0]['token']}"
    path = mini(made).labels_path(scan_id)
    raw = np.fromfile(path, "u1")
    raw[3] = 77
    raw.tofile(path)
    with pytest.raises(HarnessError, match=r"raw ids 77 \(1 points\)"):
        mini(made).read(scan_id)
    raw[:5].tofile(path)
    with pytest.raises(HarnessError, match="found 5 bytes; expected 20 bytes"):
        mini(made).read(scan_id)
    path.unlink()
    path.symlink_to(path)
    with pytest.raises(HarnessError, match="symbolic links"):
        mini(made).read(scan_id)


def test_poses_lead_from_the_sensor_to_the_world(write_set: WriteSet) -> None:
    dataset = mini(write_set())
    pose = dataset.pose(dataset.scan_ids("val")[0])
    keyframe = dataset.keyframe(dataset.scan_ids("val")[0])
    sensor = np.array([0.9, 0, 1.84])
    turned = keyframe.ego.matrix()[:3, :3] @ sensor + keyframe.ego.translation
    np.testing.assert_allclose(pose[:3, 3], turned)


def test_a_worker_gets_the_reader_without_the_index(write_set: WriteSet) -> None:
    dataset = mini(write_set())
    scan_id = dataset.scan_ids("train")[0]
    dataset.read(scan_id)
    sent = pickle.dumps(dataset)
    assert len(sent) < 1000
    np.testing.assert_array_equal(pickle.loads(sent).read(scan_id).xyz, dataset.read(scan_id).xyz)


def test_the_manifest_tells_tables_and_scans(write_set: WriteSet) -> None:
    made = write_set()
    scan_ids = mini(made).scan_ids("train")
    lines = sorted(
        (path, hashlib.sha256((made.root / path).read_bytes()).hexdigest())
        for path in {path for scan_id in scan_ids for path in mini(made).files(scan_id)}
    )
    text = "".join(f"{digest}  {path}\n" for path, digest in lines)
    assert mini(made).manifest(scan_ids) == hashlib.sha256(text.encode()).hexdigest()
    a, b = made.tables["lidarseg"][:2]
    a["filename"], b["filename"] = b["filename"], a["filename"]
    assert mini(made.write()).manifest(scan_ids) != hashlib.sha256(text.encode()).hexdigest()


def test_a_keyframe_that_leaves_the_copy_is_refused(write_set: WriteSet, tmp_path: Path) -> None:
    made = write_set()
    row = made.lidar_rows()[0]
    path = made.root / row["filename"]
    path.rename(tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(HarnessError, match="found a link to"):
        mini(made).read(f"scene-0061/{row['token']}")
    assert [fault.found[:6] for fault in check(mini(made)).faults] == ["a link"]


def test_tables_are_json_of_any_layout(write_set: WriteSet) -> None:
    made = write_set()
    expected = mini(made).scan_ids("train")
    for path in made.folder.iterdir():
        path.write_text(json.dumps(json.loads(path.read_text()), indent=4))
    assert mini(made).scan_ids("train") == expected
