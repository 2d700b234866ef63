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


def test_a_copy_without_the_test_set_lacks_all_of_it(whole_mini: Made) -> None:
    assert mini(whole_mini).completeness("test").missing == "v1.0-test lacks 6008 of 6008"


def test_the_official_set_is_complete_with_all_its_scans(whole_mini: Made) -> None:
    dataset = mini(whole_mini)
    assert len(dataset.scan_ids("train")) == 323
    assert len(dataset.scan_ids("val")) == 81
    assert not dataset.synthetic
    assert not dataset.description().partial


def test_missing_files_must_be_owned_up_to(whole_mini: Made) -> None:
    first, *others = whole_mini.lidar_rows()
    for row in others:
        (whole_mini.root / row["filename"]).unlink()
    with pytest.raises(HarnessError) as caught:
        mini(whole_mini).scan_ids("train")
    assert "scene-0061 lacks 40 of 41, scene-0553 lacks 41 of 41" in caught.value.found
    assert "--partial" in caught.value.remedy
    dataset = mini(whole_mini, partial=True)
    assert dataset.scan_ids("train") == [f"scene-0061/{first['token']}"]
    assert dataset.description().partial
    with pytest.raises(HarnessError, match="the 81 scans of the val split"):
        dataset.scan_ids("val")


@pytest.mark.parametrize(
    ("scenes", "found"),
    [
        ({"scene-0061": 40}, "9 scenes missing"),
        ({"scene-0061": 1, "scene-0002": 1}, "scenes of no split (scene-0002)"),
    ],
)
def test_other_tables_than_official_ones_are_refused_even_when_partial(
    write_set: WriteSet, scenes: dict[str, int], found: str
) -> None:
    made = write_set(scenes, declared=False)
    with pytest.raises(HarnessError) as caught:
        mini(made, partial=True).scan_ids("train")
    assert found in caught.value.found


def test_another_number_of_keyframes_than_official_is_refused(whole_mini: Made, write_set: WriteSet) -> None:
    sizes = {row["name"]: row["nbr_samples"] for row in whole_mini.tables["scene"]}
    made = write_set(sizes | {"scene-0103": 39}, declared=False)
    with pytest.raises(HarnessError, match="80 keyframes in val; expected 81"):
        mini(made).scan_ids("train")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"synthetic": true, "scenes": {"scene-0061": 3, "scene-0103": 2, "scene-0916": 1}}', "found 2 keyframes"),
        ('{"synthetic": true, "scenes": {"scene-0061": 2, "scene-0103": 2}}', "found 1 keyframes; expected 0"),
        ('{"synthetic": true, "scenes": {"scene-0061": "2"}}', "key scenes.scene-0061"),
        ('{"synthetic": false, "scenes": {}}', "key synthetic"),
        ("[", "synthetic.json: found Invalid JSON"),
    ],
)  # fmt: skip
def test_a_declaration_that_does_not_fit_is_refused(write_set: WriteSet, text: str, message: str) -> None:
    made = write_set()
    (made.root / "synthetic.json").write_text(text)
    with pytest.raises(HarnessError) as caught:
        mini(made).scan_ids("train")
    assert message in str(caught.value)


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


def test_the_check_reads_every_file_and_lists_what_is_wrong(write_set: WriteSet) -> None:
    made = write_set()
    write_set({"scene-0077": 1}, version="v1.0-test")
    report = check(mini(made))
    assert report.ok
    assert not report.notes
    assert sum(report.class_points.values()) == 5 * 20
    assert report.sequences["scene-0061"].bounds["intensity"][1] <= 255
    first, second, third, *_ = made.lidar_rows()
    (made.root / first["filename"]).write_bytes(b"x" * 30)
    (made.root / second["filename"]).unlink()
    (made.root / f"lidarseg/v1.0-mini/{third['token']}_lidarseg.bin").write_bytes(b"x" * 30)
    (made.root / "lidarseg/v1.0-mini/other.bin").touch()
    report = check(mini(made))
    assert [fault.found for fault in report.faults] == ["1 scans", "30 bytes", "30 bytes"]
    assert [note.found for note in report.notes] == ["1 files that lidarseg.json does not name (other.bin)"]


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
