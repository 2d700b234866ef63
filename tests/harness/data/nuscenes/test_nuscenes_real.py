from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from harness.data.nuscenes.scan_files import read_labels, read_points

pytestmark = pytest.mark.real


@pytest.fixture
def keyframes() -> Path:
    """Folder of a real keyframe, and of 40 points of another with their labels."""
    root = os.environ.get("HARNESS_REAL_DATA")
    if not root or not (Path(root) / "nuscenes").is_dir():
        pytest.skip("HARNESS_REAL_DATA names no folder with nuscenes/")
    return Path(root) / "nuscenes"


def test_a_real_keyframe_is_sound(keyframes: Path) -> None:
    points = read_points(next(keyframes.glob("*.pcd.bin")))
    assert points.shape == (34_688, 5)
    assert points[:, 3].max() == 255
    assert np.unique(points[:, 4]).tolist() == list(range(32))


def test_real_labels_fit_their_points(keyframes: Path) -> None:
    points = read_points(next((keyframes / "excerpt40").glob("*.pcd.bin")))
    labels = read_labels(next((keyframes / "excerpt40").glob("*_lidarseg.bin")), len(points))
    assert len(labels) == 40
    assert labels.max() <= 31
