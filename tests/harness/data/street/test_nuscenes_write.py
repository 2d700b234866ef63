import hashlib
import json
import re

import numpy as np
import pytest

from harness.data.street.nuscenes_labels import CATEGORIES, EGO, INDEX
from harness.data.street.nuscenes_tables import token
from harness.data.street.nuscenes_write import NUSCENES_SCENES, synthesize_nuscenes
from harness.data.street.plan import plan
from harness.errors import HarnessError

AZIMUTHS, SCANS = 271, 24
TABLES = [
    "attribute",
    "calibrated_sensor",
    "category",
    "ego_pose",
    "instance",
    "lidarseg",
    "log",
    "map",
    "sample",
    "sample_annotation",
    "sample_data",
    "scene",
    "sensor",
    "visibility",
]
VERSIONS = ("v1.0-trainval", "v1.0-test")
CLASSES = {
    "barrier": ["movable_object.barrier"],
    "bicycle": ["vehicle.bicycle"],
    "bus": ["vehicle.bus.bendy", "vehicle.bus.rigid"],
    "car": ["vehicle.car"],
    "construction_vehicle": ["vehicle.construction"],
    "motorcycle": ["vehicle.motorcycle"],
    "pedestrian": [name for name in CATEGORIES if re.match("human.pedestrian.(adult|child|constr|police)", name)],
    "traffic_cone": ["movable_object.trafficcone"],
    "trailer": ["vehicle.trailer"],
    "truck": ["vehicle.truck"],
    "driveable_surface": ["flat.driveable_surface"],
    "other_flat": ["flat.other"],
    "sidewalk": ["flat.sidewalk"],
    "terrain": ["flat.terrain"],
    "manmade": ["static.manmade"],
    "vegetation": ["static.vegetation"],
}


def digest(root):
    files = sorted(path for path in root.rglob("*") if path.is_file())
    return hashlib.sha256(b"".join(str(p.relative_to(root)).encode() + p.read_bytes() for p in files)).hexdigest()


def table(root, name, version=VERSIONS[0]):
    return json.loads((root / version / f"{name}.json").read_text())


def by_token(rows):
    assert len({row["token"] for row in rows}) == len(rows)
    return {row["token"]: row for row in rows}


def points_of(root, row):
    return np.fromfile(root / row["filename"], "<f4").reshape(-1, 5)


def matrix(row):
    """Float64 [4, 4] of a row with a quaternion and a translation, by the textbook formula."""
    w, x, y, z = row["rotation"]
    pose = np.eye(4)
    pose[:3, :3] = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
        [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
        [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
    ]
    pose[:3, 3] = row["translation"]
    return pose


def labels_by_split(root):
    scene = {row["token"]: row["name"] for row in table(root, "scene")}
    sample = {row["token"]: scene[row["scene_token"]] for row in table(root, "sample")}
    data = by_token(table(root, "sample_data"))
    found = {"train": [], "val": []}
    for row in table(root, "lidarseg"):
        name = sample[data[row["sample_data_token"]]["sample_token"]]
        found[NUSCENES_SCENES.split_of[name]].append(np.fromfile(root / row["filename"], np.uint8))
    return {split: np.concatenate(labels) for split, labels in found.items()}


@pytest.fixture(scope="module")
def scenes(tmp_path_factory):
    out, steps = tmp_path_factory.mktemp("set") / "scenes", []
    report = synthesize_nuscenes(out, SCANS, 0, AZIMUTHS, progress=lambda done, total: steps.append((done, total)))
    return report, steps


def test_the_report_and_the_declaration_show_what_was_written(scenes):
    report, steps = scenes
    assert report.split_sizes == {"train": 14, "val": 6, "test": 4}
    assert steps[-1] == (SCANS, SCANS)
    files = list((report.out / "samples" / "LIDAR_TOP").iterdir())
    assert len(files) == SCANS
    assert report.points == sum(path.stat().st_size for path in files) // 20 == SCANS * 32 * AZIMUTHS
    declared = json.loads((report.out / "synthetic.json").read_text())
    assert declared["scenes"] == {item.sequence: item.scans for item in report.sequences}
    assert (declared["generator"], declared["synthetic"], declared["scans"]) == ("street", True, SCANS)


def test_both_versions_have_every_table_and_the_test_version_has_no_labels(scenes):
    root = scenes[0].out
    for version in VERSIONS:
        assert sorted(path.stem for path in (root / version).iterdir()) == TABLES
        assert [row["name"] for row in table(root, "category", version)] == list(CATEGORIES)
        assert [row["index"] for row in table(root, "category", version)] == list(range(32))
        for row in table(root, "map", version):
            assert (root / row["filename"]).read_bytes().startswith(b"\x89PNG")
            assert set(row["log_tokens"]) == {log["token"] for log in table(root, "log", version)}
    assert table(root, "lidarseg", "v1.0-test") == []
    assert list((root / "lidarseg" / "v1.0-test").iterdir()) == []
    assert len(list((root / "lidarseg" / "v1.0-trainval").iterdir())) == len(table(root, "lidarseg")) == 20


@pytest.mark.parametrize("version", VERSIONS)
def test_every_link_between_the_tables_leads_somewhere(scenes, version):
    root = scenes[0].out
    rows = {name: by_token(table(root, name, version)) for name in TABLES}
    for name in TABLES:
        for row in rows[name].values():
            assert re.fullmatch("[0-9a-f]{32}", row["token"])
            for key, value in row.items():
                if key.endswith("_token") and key not in ("first_sample_token", "last_sample_token"):
                    assert value in rows[key.removesuffix("_token")]
                if key in ("prev", "next") and value:
                    assert rows[name][value]["next" if key == "prev" else "prev"] == row["token"]
    for scene in rows["scene"].values():
        at, seen = scene["first_sample_token"], []
        while at:
            seen.append(rows["sample"][at])
            at = seen[-1]["next"]
        assert len(seen) == scene["nbr_samples"]
        assert seen[-1]["token"] == scene["last_sample_token"]
        assert set(np.diff([row["timestamp"] for row in seen]).tolist()) <= {500_000}
        assert NUSCENES_SCENES.split_of[scene["name"]] == "test" or version == "v1.0-trainval"
    for data in rows["sample_data"].values():
        assert data["is_key_frame"]
        assert points_of(root, data).shape == (32 * AZIMUTHS, 5)
        assert rows["ego_pose"][data["ego_pose_token"]]["timestamp"] == data["timestamp"]
        assert version == "v1.0-test" or data["token"] in rows["lidarseg"]


def test_the_poses_bring_still_things_to_one_place_and_the_ground_below_the_wheels(scenes):
    root = scenes[0].out
    rows = {name: by_token(table(root, name)) for name in ("sample_data", "ego_pose", "calibrated_sensor")}
    first = next(row for row in rows["sample_data"].values() if not row["prev"])
    second = rows["sample_data"][first["next"]]
    clouds, places = [], []
    for data in (first, second):
        ego, rig = (matrix(rows[name][data[f"{name}_token"]]) for name in ("ego_pose", "calibrated_sensor"))
        points, labels = (
            points_of(root, data),
            np.fromfile(root / f"lidarseg/{VERSIONS[0]}/{data['token']}_lidarseg.bin", np.uint8),
        )
        in_car = points[:, :3] @ rig[:3, :3].T + rig[:3, 3]
        road = (labels == INDEX["flat.driveable_surface"]) & (np.linalg.norm(in_car[:, :2], axis=1) < 8)
        assert abs(np.median(in_car[road, 2])) < 0.05
        clouds.append((in_car @ ego[:3, :3].T + ego[:3, 3])[labels == INDEX["static.manmade"]])
        places.append(ego)
    step = np.linalg.inv(places[0]) @ places[1]
    assert 2.5 < step[0, 3] < 8.0, "x of the car is forward"
    nearest = [np.linalg.norm(clouds[0] - point, axis=1).min() for point in clouds[1][::20]]
    assert np.median(nearest) < 0.6


def test_labels_are_official_and_every_class_is_there_for_training_and_validation(scenes):
    for labels in labels_by_split(scenes[0].out).values():
        assert labels.max() < len(CATEGORIES)
        present = {list(CATEGORIES)[index] for index in np.unique(labels).tolist()}
        assert all(present & set(names) for names in CLASSES.values())
        assert 0.15 < np.mean(labels == EGO) < 0.35


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1, 10))
def test_two_dozen_keyframes_of_any_seed_show_all_16_classes(tmp_path, seed):
    for labels in labels_by_split(synthesize_nuscenes(tmp_path / "set", SCANS, seed, AZIMUTHS).out).values():
        present = {list(CATEGORIES)[index] for index in np.unique(labels).tolist()}
        assert [name for name, names in CLASSES.items() if not present & set(names)] == []


def test_the_bytes_do_not_depend_on_the_number_of_workers(tmp_path):
    one = synthesize_nuscenes(tmp_path / "one", 6, 0, 64)
    two = synthesize_nuscenes(tmp_path / "two", 6, 0, 64, workers=2)
    assert digest(one.out) == digest(two.out)
    assert digest(synthesize_nuscenes(tmp_path / "other", 6, 1, 64).out) != digest(one.out)


def test_tokens_depend_on_each_part_of_their_key_and_on_nothing_else():
    keys = [(0, "scene-0001", 0, "sample"), (1, "scene-0001", 0, "sample"), (0, "scene-0002", 0, "sample"),
            (0, "scene-0001", 1, "sample"), (0, "scene-0001", 0, "ego_pose")]  # fmt: skip
    assert len({token(*key) for key in keys}) == len(keys)
    assert token(*keys[0]) == "1f00864cfba2e663072b1a5d79821446"


def test_scenes_are_official_ones_of_their_split():
    names = [item.sequence for item in plan(400, roster=NUSCENES_SCENES)]
    assert len(names) == 13
    assert [name for name in names if NUSCENES_SCENES.split_of[name] == "val"] == ["scene-0103", "scene-0916"]
    assert [item.sequence for item in plan(3, roster=NUSCENES_SCENES)] == ["scene-0061", "scene-0077", "scene-0103"]


def test_a_wrong_wish_is_refused_and_leaves_nothing(tmp_path):
    with pytest.raises(HarnessError, match="at least 3"):
        synthesize_nuscenes(tmp_path / "set", 2, 0)
    with pytest.raises(HarnessError, match="seed -1"):
        synthesize_nuscenes(tmp_path / "set", 3, -1)
    with pytest.raises(HarnessError, match="a drive of"):
        synthesize_nuscenes(tmp_path / "set", 60_000, 0)
    assert not any(tmp_path.iterdir())
