"""Fixtures for all tests: a small copy in SemanticKITTI's layout, and the real scans where a machine has them."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest

RAW_IDS = np.array([0, 1, 10, 11, 13, 16, 30, 40, 48, 50, 60, 70, 72, 80, 81, 99, 252, 259], dtype=np.uint32)
WriteSequences = Callable[..., Path]


@pytest.fixture
def write_sequences(tmp_path: Path) -> WriteSequences:
    """Write scans of random points, all labelled but those of the test split; declared as synthetic if asked."""

    def write(scans: Mapping[str, int], declared: bool = True, points: int = 50) -> Path:
        root = tmp_path / "copy"
        rng = np.random.default_rng(7)
        for sequence, count in scans.items():
            folder = root / "sequences" / sequence
            (folder / "velodyne").mkdir(parents=True)
            (folder / "labels").mkdir()
            for frame in range(count):
                n = points + 3 * frame
                cloud = np.hstack([rng.normal(0, 20, (n, 3)), rng.random((n, 1))]).astype("<f4")
                cloud.tofile(folder / "velodyne" / f"{frame:06d}.bin")
                if sequence <= "10":
                    words = rng.choice(RAW_IDS, n) | rng.integers(0, 9, n, dtype=np.uint32) << 16
                    words.astype("<u4").tofile(folder / "labels" / f"{frame:06d}.label")
            pose = "1 0 0 0 0 1 0 0 0 0 1 0\n"
            (folder / "poses.txt").write_text(pose * count)
            (folder / "calib.txt").write_text("Tr: " + pose)
        if declared:
            (root / "synthetic.json").write_text(json.dumps({"seed": 0, "sequences": dict(scans)}))
        return root

    return write


@pytest.fixture(scope="session")
def real_root() -> Path:
    """Folder of the real scans."""
    folder = os.environ.get("HARNESS_REAL_DATA")
    if folder is None:
        pytest.skip("HARNESS_REAL_DATA is not set")
    return Path(folder) / "semantickitti"
