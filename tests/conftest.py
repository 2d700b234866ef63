"""Fixtures for all tests: a small copy in SemanticKITTI's layout, and the real scans where a machine has them."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest

RAW_IDS = (0, 1, 10, 11, 13, 16, 30, 40, 48, 50, 60, 70, 72, 80, 81, 99, 252, 259)
WriteSequences = Callable[..., Path]


@pytest.fixture
def write_sequences(tmp_path: Path) -> WriteSequences:
    """Write scans of random points, all labelled but those of the test split; declared as synthetic if asked.

    Scans are given by sequence, {"00": 3}, with `points` points in the first and three more in each that follows; or
    one by one with their points, {"08/000002": 50}.
    """

    def write(
        scans: Mapping[str, int], declared: bool = True, points: int = 50, raw_ids: Sequence[int] = RAW_IDS
    ) -> Path:
        root, rng, frames = tmp_path / "copy", np.random.default_rng(7), dict[str, int]()
        for name, number in scans.items():
            sequence, _, frame = name.partition("/")
            sizes = {int(frame): number} if frame else {f: points + 3 * f for f in range(number)}
            for f, size in sizes.items():
                write_scan(root / "sequences" / sequence, f, size, raw_ids, rng)
            frames[sequence] = max(frames.get(sequence, 0), max(sizes) + 1)
        pose = "1 0 0 0 0 1 0 0 0 0 1 0\n"
        for sequence, count in frames.items():
            (root / "sequences" / sequence / "poses.txt").write_text(pose * count)
            (root / "sequences" / sequence / "calib.txt").write_text("Tr: " + pose)
        if declared:
            (root / "synthetic.json").write_text(json.dumps({"seed": 0, "sequences": frames}))
        return root

    return write


def write_scan(sequence: Path, frame: int, points: int, raw_ids: Sequence[int], rng: np.random.Generator) -> None:
    """Write a scan into a sequence's folder, labelled at random with the raw ids and any instances."""
    for folder in ("velodyne", "labels"):
        (sequence / folder).mkdir(parents=True, exist_ok=True)
    cloud = np.hstack([rng.normal(0, 20, (points, 3)), rng.random((points, 1))]).astype("<f4")
    cloud.tofile(sequence / "velodyne" / f"{frame:06d}.bin")
    if sequence.name <= "10":
        classes = rng.choice(np.array(raw_ids, dtype=np.uint32), points)
        instances = rng.integers(0, 1 << 16, points, dtype=np.uint32) * (classes > 0)  # as in real labels
        words = classes | instances << 16
        words.astype("<u4").tofile(sequence / "labels" / f"{frame:06d}.label")


@pytest.fixture(scope="session")
def real_root() -> Path:
    """Folder of the real scans."""
    folder = os.environ.get("HARNESS_REAL_DATA")
    if folder is None:
        pytest.skip("HARNESS_REAL_DATA is not set")
    return Path(folder) / "semantickitti"
