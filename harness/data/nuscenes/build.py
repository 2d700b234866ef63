"""From the tables of a version to its index, every link on the way checked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from harness.data.nuscenes import rows
from harness.data.nuscenes.index import POINTS_FOLDER, Index, Keyframe
from harness.data.nuscenes.names import UNPACK, FileNames, labels_folder
from harness.data.nuscenes.pose import Pose
from harness.data.nuscenes.table_set import TableSet
from harness.errors import HarnessError

CHANNEL = "LIDAR_TOP"
TABLES = ("sensor", "calibrated_sensor", "log", "scene", "sample", "sample_data", "ego_pose")
LABELS_TABLE = "lidarseg"
TEST_VERSION = "v1.0-test"


class _Found(NamedTuple):
    """A row of sample_data for a keyframe of the lidar, with the pose of the sensor on the vehicle."""

    row: rows.KeyframeRow
    sensor: Pose


def table_files(version: str) -> tuple[str, ...]:
    """File names of the tables that the index of a version is made from."""
    names = TABLES if version == TEST_VERSION else (*TABLES, LABELS_TABLE)
    return tuple(f"{name}.json" for name in names)


def build_index(folder: Path) -> Index:
    """Read the tables of a version.

    Tokens are checked in the rows that lead to a keyframe of the lidar; what the others say is of no use here.

    Args:
        folder: of the tables; its name is the version.

    Raises:
        HarnessError: a table is missing or damaged; a token occurs twice or leads nowhere; a sample has no keyframe of
            the lidar, or two; a scene has not the samples that it says it has; a file name leads elsewhere or occurs
            twice.
    """
    tables = TableSet(folder)
    samples = _samples(tables)
    found = _lidar_keyframes(tables, samples, _calibrations(tables))
    ego = _ego_poses(tables, found)
    labels = {} if folder.name == TEST_VERSION else _labels(tables, found)
    keyframes = {
        token: Keyframe(
            scene=samples[row["sample_token"]],
            sample=row["sample_token"],
            points=row["filename"],
            labels=labels.get(token),
            timestamp_us=row["timestamp"],
            sensor=sensor,
            ego=ego[row["ego_pose_token"]],
        )
        for token, (row, sensor) in found.items()
    }
    return Index.of(keyframes, tables.digests)


def _samples(tables: TableSet) -> dict[str, str]:
    """Return the scene's name of every sample, by the sample's token."""
    scenes = _scenes(tables)
    names: dict[str, str] = {}
    for row in tables.read("sample", rows.SAMPLES):
        tables.once("sample", row["token"], names)
        scene = tables.follow("sample", row["token"], "scene", row["scene_token"], scenes)
        names[row["token"]] = scene["name"]
    counts = Counter(names.values())
    for scene in scenes.values():
        name, count = scene["name"], scene["nbr_samples"]
        if counts[name] != count:
            where = f"{tables.path('sample')}, scene {name}"
            raise HarnessError(where, f"{counts[name]} samples", f"{count}, as scene.json says", UNPACK)
    return names


def _scenes(tables: TableSet) -> dict[str, rows.SceneRow]:
    logs = {row["token"]: row for row in tables.read("log", rows.TOKENS)}
    scenes: dict[str, rows.SceneRow] = {}
    names: set[str] = set()
    for row in tables.read("scene", rows.SCENES):
        tables.once("scene", row["token"], scenes)
        tables.once("scene", row["name"], names, "name")
        tables.follow("scene", row["token"], "log", row["log_token"], logs)
        scenes[row["token"]] = row
        names.add(row["name"])
    return scenes


def _calibrations(tables: TableSet) -> dict[str, Pose | None]:
    """Return the poses of the lidar on the vehicle, by token; None for every other sensor."""
    channels: dict[str, str] = {}
    for sensor in tables.read("sensor", rows.SENSORS):
        tables.once("sensor", sensor["token"], channels)
        channels[sensor["token"]] = sensor["channel"]
    poses: dict[str, Pose | None] = {}
    for row in tables.read("calibrated_sensor", rows.CALIBRATED_SENSORS):
        token = row["token"]
        tables.once("calibrated_sensor", token, poses)
        channel = tables.follow("calibrated_sensor", token, "sensor", row["sensor_token"], channels)
        where = tables.where("calibrated_sensor", token)
        poses[token] = Pose.of(row["rotation"], row["translation"], where) if channel == CHANNEL else None
    return poses


def _lidar_keyframes(
    tables: TableSet, samples: Mapping[str, str], sensors: Mapping[str, Pose | None]
) -> dict[str, _Found]:
    """Find the one row of sample_data that each sample has of the lidar, by its token."""
    found: dict[str, _Found] = {}
    seen, files = set[str](), FileNames(POINTS_FOLDER)
    for row in tables.read("sample_data", rows.SAMPLE_DATA):
        if row["is_key_frame"] is False:
            continue
        token, sample = row["token"], row["sample_token"]
        sensor = tables.follow("sample_data", token, "calibrated_sensor", row["calibrated_sensor_token"], sensors)
        if sensor is None:
            continue
        tables.once("sample_data", token, found)
        tables.follow("sample_data", token, "sample", sample, samples)
        tables.once("sample_data", sample, seen, f"sample and a keyframe of {CHANNEL}")
        files.take(row["filename"], tables.where("sample_data", token))
        found[token] = _Found(row, sensor)
        seen.add(sample)
    for sample in samples:
        if sample not in seen:
            lacking = f"no keyframe of {CHANNEL} ({len(samples) - len(seen)} samples have none)"
            where = f"{tables.path('sample_data')}, sample {sample}"
            raise HarnessError(where, lacking, "one for each sample", UNPACK)
    return found


def _ego_poses(tables: TableSet, found: Mapping[str, _Found]) -> dict[str, Pose]:
    """Return the poses of the vehicle that the keyframes name, by token."""
    wanted = {row["ego_pose_token"]: token for token, (row, _) in found.items()}
    poses: dict[str, Pose] = {}
    for row in tables.read("ego_pose", rows.EGO_POSES, wanted):
        token = row["token"]
        tables.once("ego_pose", token, poses)
        poses[token] = Pose.of(row["rotation"], row["translation"], tables.where("ego_pose", token))
    for ego_token, token in wanted.items():
        tables.follow("sample_data", token, "ego_pose", ego_token, poses)
    return poses


def _labels(tables: TableSet, found: Mapping[str, _Found]) -> dict[str, str]:
    """Return the label file of every keyframe, by token."""
    labels, files = dict[str, str](), FileNames(labels_folder(tables.folder.name))
    for row in tables.read(LABELS_TABLE, rows.LIDARSEG):
        token = row["sample_data_token"]
        tables.once(LABELS_TABLE, token, labels, "sample_data_token")
        tables.follow(LABELS_TABLE, token, f"sample_data ({CHANNEL} keyframes)", token, found)
        files.take(row["filename"], tables.where(LABELS_TABLE, token))
        labels[token] = row["filename"]
    for token in found:
        tables.follow("sample_data", token, LABELS_TABLE, token, labels)
    return labels
