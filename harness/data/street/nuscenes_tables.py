"""The tables of a synthetic nuScenes set: one street a log, one log a scene, one keyframe a sample.

Field names and the links between the tables are those of the published schema. No boxes are written, and no cameras.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from harness.data.street.hdl32e import HDL32E
from harness.data.street.nuscenes_labels import CATEGORIES
from harness.data.street.quaternion import quaternion

KEYFRAME_PERIOD_US = 500_000
_FIRST_US = 1_577_836_800_000_000
_SCENE_US = 10_000_000_000
MOUNT_M = np.array([0.94, 0.0, HDL32E.height_m])
"""Where the sensor sits in the axes of the car (x forward, y left, origin on the ground below the rear axle)."""
SENSOR_TO_CAR = np.array([[0.0, 1.0, 0.0], [-1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
"""Rotation of the sensor's axes (x right, y forward) to those of the car."""

Row = dict[str, Any]


@dataclass(frozen=True)
class SceneTables:
    """A scene to describe.

    Attributes:
        seed: of the set.
        name: official name of the scene.
        version: of the set it belongs to, such as v1.0-trainval.
        poses: of the sensor in the world at every keyframe, float64 [4, 4] each, its axes turned like the car's.
        labelled: whether its keyframes have labels.
    """

    seed: int
    name: str
    version: str
    poses: Sequence[np.ndarray]
    labelled: bool

    def token(self, purpose: str, frame: int = -1) -> str:
        """Token of what the scene has one of, or of what each of its keyframes has one of."""
        return token(self.seed, self.name, frame, purpose)

    def timestamp_us(self, frame: int) -> int:
        """Microseconds at the end of a keyframe's turn; no two scenes overlap."""
        return _FIRST_US + int(self.name.removeprefix("scene-")) * _SCENE_US + frame * KEYFRAME_PERIOD_US

    def points_file(self, frame: int) -> str:
        """Path of a keyframe's points in the set."""
        return f"samples/LIDAR_TOP/{self._log}__LIDAR_TOP__{self.timestamp_us(frame)}.pcd.bin"

    def labels_file(self, frame: int) -> str:
        """Path of a keyframe's labels in the set."""
        return f"lidarseg/{self.version}/{self.token('sample_data', frame)}_lidarseg.bin"

    @property
    def _log(self) -> str:
        return f"street-{self.seed}-{self.name}"

    def rows(self) -> dict[str, list[Row]]:
        """Rows of the tables that grow with the scenes."""
        frames = range(len(self.poses))
        log: Row = {
            "token": self.token("log"),
            "logfile": self._log,
            "vehicle": "synthetic",
            "date_captured": "2020-01-01",
            "location": "synthetic-street",
        }
        scene: Row = {
            "token": self.token("scene"),
            "log_token": self.token("log"),
            "nbr_samples": len(self.poses),
            "first_sample_token": self.token("sample", 0),
            "last_sample_token": self.token("sample", frames[-1]),
            "name": self.name,
            "description": "Synthetic street",
        }
        sensor: Row = {
            "token": self.token("calibrated_sensor"),
            "sensor_token": _common(self.seed, "sensor"),
            "camera_intrinsic": [],
        }
        return {
            "calibrated_sensor": [sensor | _placed(SENSOR_TO_CAR, MOUNT_M)],
            "log": [log],
            "scene": [scene],
            "sample": [self._sample(frame) for frame in frames],
            "sample_data": [self._sample_data(frame) for frame in frames],
            "ego_pose": [self._ego_pose(frame) for frame in frames],
            "lidarseg": [self._lidarseg(frame) for frame in frames] if self.labelled else [],
        }

    def _linked(self, purpose: str, frame: int) -> Row:
        """Token of a keyframe's row and of the rows before and after it, empty at the ends."""
        return {
            "token": self.token(purpose, frame),
            "prev": self.token(purpose, frame - 1) if frame else "",
            "next": self.token(purpose, frame + 1) if frame + 1 < len(self.poses) else "",
        }

    def _sample(self, frame: int) -> Row:
        row = {"timestamp": self.timestamp_us(frame), "scene_token": self.token("scene")}
        return self._linked("sample", frame) | row

    def _sample_data(self, frame: int) -> Row:
        return self._linked("sample_data", frame) | {
            "sample_token": self.token("sample", frame),
            "ego_pose_token": self.token("ego_pose", frame),
            "calibrated_sensor_token": self.token("calibrated_sensor"),
            "timestamp": self.timestamp_us(frame),
            "fileformat": "pcd",
            "is_key_frame": True,
            "height": 0,
            "width": 0,
            "filename": self.points_file(frame),
        }

    def _ego_pose(self, frame: int) -> Row:
        turn, place = self.poses[frame][:3, :3], self.poses[frame][:3, 3]
        stamp = {"token": self.token("ego_pose", frame), "timestamp": self.timestamp_us(frame)}
        return stamp | _placed(turn, place - turn @ MOUNT_M)

    def _lidarseg(self, frame: int) -> Row:
        own = self.token("sample_data", frame)
        return {"token": own, "sample_data_token": own, "filename": self.labels_file(frame)}


def token(seed: int, scene: str, frame: int, purpose: str) -> str:
    """32 hexadecimal digits that depend on the arguments alone."""
    return hashlib.blake2b(repr((seed, scene, frame, purpose)).encode(), digest_size=16).hexdigest()


def shared_rows(seed: int, logs: Sequence[str]) -> dict[str, list[Row]]:
    """Rows of the tables that do not grow with the scenes, and the tables that hold nothing.

    Args:
        seed: of the set.
        logs: tokens of the version's logs, which share one map.
    """
    categories = enumerate(CATEGORIES.items())
    return {
        "category": [
            {"token": _common(seed, f"category {name}"), "name": name, "description": text, "index": index}
            for index, (name, text) in categories
        ],
        "sensor": [{"token": _common(seed, "sensor"), "channel": "LIDAR_TOP", "modality": "lidar"}],
        "map": [
            {
                "token": _common(seed, "map"),
                "log_tokens": list(logs),
                "category": "semantic_prior",
                "filename": map_file(seed),
            }
        ],
        **{name: [] for name in ("attribute", "visibility", "instance", "sample_annotation")},
    }


def map_file(seed: int) -> str:
    """Path of the map's mask in the set."""
    return f"maps/{_common(seed, 'map')}.png"


def _common(seed: int, purpose: str) -> str:
    return token(seed, "", -1, purpose)


def _placed(turn: np.ndarray, place: np.ndarray) -> Row:
    return {"rotation": quaternion(turn).tolist(), "translation": place.tolist()}
