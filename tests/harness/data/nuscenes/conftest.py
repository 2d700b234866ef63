"""A tiny copy in nuScenes' layout, whose tables a test may change before they are written."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import md5
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.data.nuscenes.categories import CLASS_OF
from harness.data.nuscenes.index_cache import _opened
from harness.data.nuscenes.splits import scene_names

Rows = list[dict[str, Any]]
POINTS = 20
MINI = {"scene-0061": 2, "scene-0103": 2, "scene-0916": 1}


def token(kind: str, *numbers: object) -> str:
    return md5(f"{kind} {numbers}".encode()).hexdigest()


@dataclass
class TinySet:
    """Tables of one version as Python objects, and the folder they go to."""

    root: Path
    version: str
    tables: dict[str, Rows]

    @property
    def folder(self) -> Path:
        return self.root / self.version

    def write(self) -> TinySet:
        self.folder.mkdir(parents=True, exist_ok=True)
        for name, rows in self.tables.items():
            (self.folder / f"{name}.json").write_text(json.dumps(rows, indent=0))
        return self

    def lidar_rows(self) -> Rows:
        return [row for row in self.tables["sample_data"] if row["filename"].startswith("samples/LIDAR_TOP")]


WriteSet = Callable[..., TinySet]


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache folder for every test, and nothing remembered from another."""
    monkeypatch.setenv("HARNESS_CACHE_DIR", str(tmp_path / "cache"))
    _opened.cache_clear()
    return tmp_path / "cache"


@pytest.fixture
def write_set(tmp_path: Path) -> WriteSet:
    """Write a set of some keyframes by scene, with random points and labels, declared as synthetic if asked."""

    def write(scenes: Mapping[str, int] = MINI, version: str = "v1.0-mini", declared: bool = True) -> TinySet:
        root = tmp_path / "copy"
        made = TinySet(root, version, tables(scenes, version)).write()
        rng = np.random.default_rng(3)
        for folder in ("samples/LIDAR_TOP", f"lidarseg/{version}"):
            (root / folder).mkdir(parents=True, exist_ok=True)
        for row in made.lidar_rows():
            cloud = np.column_stack(
                [rng.normal(0, 20, (POINTS, 3)), rng.integers(0, 256, POINTS), rng.integers(0, 32, POINTS)]
            )
            cloud.astype("<f4").tofile(root / row["filename"])
            if version != "v1.0-test":
                labels = rng.integers(0, len(CLASS_OF), POINTS, dtype=np.uint8)
                labels.tofile(root / f"lidarseg/{version}/{row['token']}_lidarseg.bin")
        if declared:
            path = root / "synthetic.json"
            known = json.loads(path.read_text())["scenes"] if path.exists() else {}
            path.write_text(json.dumps({"synthetic": True, "seed": 0, "scenes": {**known, **scenes}}))
        return made

    return write


def tables(scenes: Mapping[str, int], version: str) -> dict[str, Rows]:
    """The tables of a version: a lidar keyframe, a camera keyframe and a lidar sweep for every sample."""
    made: dict[str, Rows] = {name: [] for name in ("scene", "sample", "sample_data", "ego_pose", "lidarseg")}
    for scene, size in scenes.items():
        own = token("scene", scene)
        made["scene"].append({"token": own, "log_token": token("log"), "nbr_samples": size, "name": scene})
        for number in range(size):
            add_sample(made, scene, number, 1_532_402_927_000_000 + 500_000 * (size - number))
            lidar = made["sample_data"][-1]["token"]
            name = f"lidarseg/{version}/{lidar}_lidarseg.bin"
            made["lidarseg"].append({"token": lidar, "sample_data_token": lidar, "filename": name})
    if version == "v1.0-test":
        made["lidarseg"] = []
    return made | shared_tables()


def add_sample(made: dict[str, Rows], scene: str, number: int, time_us: int) -> None:
    """Add a sample, what the sensors recorded, the lidar's keyframe last, and where the vehicle was."""
    sample = token("sample", scene, number)
    made["sample"].append({"token": sample, "timestamp": time_us, "scene_token": token("scene", scene)})
    for folder, channel, is_key in (
        ("samples", "CAM_FRONT", True), ("sweeps", "LIDAR_TOP", False), ("samples", "LIDAR_TOP", True),
    ):  # fmt: skip
        row, name = token(folder, channel, scene, number), f"{folder}/{channel}/n015+0800__{scene}-{number}.pcd.bin"
        made["sample_data"].append(
            {
                "token": row, "sample_token": sample, "ego_pose_token": row, "filename": name,
                "calibrated_sensor_token": token("calibration", channel), "timestamp": time_us,
                "is_key_frame": is_key, "height": 0, "prev": "", "next": "",
            }
        )  # fmt: skip
        pose = {"rotation": [0.8, 0.0, 0.0, 0.6], "translation": [number, 2, 0]}
        made["ego_pose"].append({"token": row, "timestamp": time_us, **pose})


def shared_tables() -> dict[str, Rows]:
    """The tables that do not grow with the samples."""
    channels = ("CAM_FRONT", "LIDAR_TOP")
    return {
        "log": [{"token": token("log"), "logfile": "somewhere"}],
        "sensor": [{"token": token("sensor", c), "channel": c, "modality": c[:5].lower()} for c in channels],
        "calibrated_sensor": [
            {
                "token": token("calibration", channel), "sensor_token": token("sensor", channel),
                "rotation": [0.5, 0.5, -0.5, 0.5], "translation": [0.9, 0.0, 1.84], "camera_intrinsic": [],
            }
            for channel in channels
        ],
        "category": [
            {"token": token("category", name), "name": name, "description": "", "index": (7 * place + 5) % 32}
            for place, name in enumerate(CLASS_OF)
        ],
    }  # fmt: skip


@pytest.fixture
def whole_mini(write_set: WriteSet) -> TinySet:
    """The mini version with its official number of keyframes, not declared as synthetic."""
    train, val = scene_names("v1.0-mini", "train"), scene_names("v1.0-mini", "val")
    sizes = {name: 40 + (place < 3) for place, name in enumerate(train)} | dict(zip(val, (40, 41), strict=True))
    return write_set(sizes, declared=False)
