from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from harness.data.nuscenes.build import build_index
from harness.errors import HarnessError

Made = Any


def test_the_index_has_the_keyframes_of_the_lidar_by_scene_and_time(write_set: Callable[..., Made]) -> None:
    made = write_set()
    index = build_index(made.folder)
    rows = {row["token"]: row for row in made.lidar_rows()}
    assert sorted(index.tokens) == sorted(rows)
    assert {name: len(places) for name, places in index.scenes.items()} == {
        "scene-0061": 2, "scene-0103": 2, "scene-0916": 1,
    }  # fmt: skip
    for scene, places in index.scenes.items():
        times = [rows[index.tokens[place]]["timestamp"] for place in places]
        assert times == sorted(times)
        for place in places:
            keyframe, row = index.find(index.tokens[place]), rows[index.tokens[place]]
            assert keyframe is not None
            assert (keyframe.scene, keyframe.sample, keyframe.points) == (scene, row["sample_token"], row["filename"])
            assert keyframe.labels == f"lidarseg/v1.0-mini/{row['token']}_lidarseg.bin"
            assert keyframe.timestamp_us == row["timestamp"]
            number = int(row["filename"].split("-")[-1].split(".")[0])
            assert keyframe.ego == ((0.8, 0, 0, 0.6), (number, 2, 0))
            assert keyframe.sensor == ((0.5, 0.5, -0.5, 0.5), (0.9, 0, 1.84))
    assert index.find("nothing") is None


def test_the_test_set_has_no_labels(write_set: Callable[..., Made]) -> None:
    made = write_set({"scene-0077": 2}, version="v1.0-test")
    (made.folder / "lidarseg.json").unlink()
    assert build_index(made.folder).columns["labels"] == [None, None]


def _lidar(made: Made, place: int = 0) -> dict[str, Any]:
    return made.lidar_rows()[place]


def _own(made: Made, table: str) -> dict[str, Any]:
    """Row of a table that belongs to the first keyframe."""
    return next(row for row in made.tables[table] if row["token"] == _lidar(made)["token"])


FAULTS: dict[str, tuple[Callable[[Made], Any], str, str]] = {
    "dangling scene": (lambda m: m.tables["sample"][0].update(scene_token="x"), "sample.json, row", "scene token 'x'"),
    "dangling log": (lambda m: m.tables["scene"][0].update(log_token="x"), "scene.json, row", "log token 'x'"),
    "dangling sample": (lambda m: _lidar(m).update(sample_token="x"), "sample_data.json, row", "sample token 'x'"),
    "dangling pose": (lambda m: _lidar(m).update(ego_pose_token="x"), "sample_data.json, row", "ego_pose token 'x'"),
    "dangling calibration": (
        lambda m: _lidar(m).update(calibrated_sensor_token="x"), "sample_data.json, row", "calibrated_sensor token 'x'",
    ),
    "dangling sensor": (
        lambda m: m.tables["calibrated_sensor"][0].update(sensor_token="x"), "calibrated_sensor.json, row", "sensor",
    ),
    "dangling label": (
        lambda m: m.tables["lidarseg"][0].update(sample_data_token="x"), "lidarseg.json, row 'x'", "leads nowhere",
    ),
    "no label": (lambda m: m.tables["lidarseg"].pop(), "sample_data.json, row", "lidarseg token"),
    "second scene": (
        lambda m: m.tables["scene"].append(m.tables["scene"][0]), "scene.json, row", "second row with this token",
    ),
    "second name": (
        lambda m: m.tables["scene"][1].update(name="scene-0061"), "scene.json, row 'scene-0061'", "with this name",
    ),
    "second sample": (
        lambda m: m.tables["sample"].append(m.tables["sample"][0]), "sample.json, row", "second row with this token",
    ),
    "second keyframe token": (
        lambda m: m.tables["sample_data"].append(_lidar(m) | {"sample_token": _lidar(m, 1)["sample_token"]}),
        "sample_data.json, row", "second row with this token",
    ),
    "two keyframes of a sample": (
        lambda m: m.tables["sample_data"].append(_lidar(m) | {"token": "other"}),
        "sample_data.json, row", "second row with this sample and a keyframe of LIDAR_TOP",
    ),
    "second pose": (
        lambda m: m.tables["ego_pose"].append(_own(m, "ego_pose")), "ego_pose.json, row", "second row with this token",
    ),
    "second label": (
        lambda m: m.tables["lidarseg"].append(m.tables["lidarseg"][0]), "lidarseg.json, row", "this sample_data_token",
    ),
    "two scans of a file": (
        lambda m: _lidar(m, 1).update(filename=_lidar(m)["filename"]),
        "sample_data.json, row", "which an earlier row has already",
    ),
    "two labels of a file": (
        lambda m: m.tables["lidarseg"][1].update(filename=m.tables["lidarseg"][0]["filename"]),
        "lidarseg.json, row", "which an earlier row has already",
    ),
    "no keyframe": (lambda m: _lidar(m).update(is_key_frame=False), "sample_data.json, sample", "1 samples have none"),
    "no lidar": (lambda m: m.tables["sensor"][1].update(channel="LIDAR"), "sample_data.json, sample", "5 samples have"),
    "fewer samples": (lambda m: m.tables["sample"].pop(), "sample.json, scene scene-0916", "0 samples"),
    "no rotation": (lambda m: _own(m, "ego_pose").update(rotation=[0.0] * 4), "ego_pose.json, row", "rotation [0.0"),
    "text as rotation": (
        lambda m: _own(m, "ego_pose").update(rotation=["a"] * 4), "ego_pose.json, row 3, key rotation.0", "number",
    ),
    "name above": (
        lambda m: _lidar(m).update(filename="samples/LIDAR_TOP/../../a.bin"), "sample_data.json, row", "filename 'sam",
    ),
    "absolute name": (lambda m: _lidar(m).update(filename="/etc/passwd"), "sample_data.json, row", "'/etc/passwd'"),
    "label elsewhere": (
        lambda m: m.tables["lidarseg"][0].update(filename="samples/LIDAR_TOP/a"), "lidarseg.json, row", "filename",
    ),
    "token as path": (lambda m: _lidar(m).update(token="../a"), "sample_data.json, row 3, key token", "match pattern"),
    "scene as path": (lambda m: m.tables["scene"][0].update(name="../a"), "scene.json, row 1, key name", "pattern"),
    "no channel": (lambda m: m.tables["sensor"][1].pop("channel"), "sensor.json, row 2, key channel", "no such key"),
    "keyframe neither": (lambda m: _lidar(m).update(is_key_frame="yes"), "sample_data.json, row 3", "does not match"),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_a_broken_link_is_named(write_set: Callable[..., Made], fault: str) -> None:
    change, where, found = FAULTS[fault]
    made = write_set()
    change(made)
    with pytest.raises(HarnessError) as caught:
        build_index(made.write().folder)
    assert where in caught.value.where
    assert found in caught.value.found
    assert caught.value.expected
    assert caught.value.remedy


@pytest.mark.parametrize(
    "name", ["sensor", "calibrated_sensor", "log", "scene", "sample", "sample_data", "ego_pose", "lidarseg"]
)
def test_a_missing_table_is_named(write_set: Callable[..., Made], name: str) -> None:
    made = write_set()
    (made.folder / f"{name}.json").unlink()
    with pytest.raises(HarnessError, match=rf"{name}\.json: found 'No such file"):
        build_index(made.folder)
