from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from drives import TR, a_drive, moved_by_loops, turned, write_drive
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from harness.data.alignment import align, drive_poses
from harness.data.poses import PosesUnavailable
from harness.errors import HarnessError

angle = st.floats(-3, 3)
poses = st.builds(
    turned,
    st.tuples(angle, angle, angle),
    st.tuples(*[st.floats(-2000, 2000)] * 3),
)
clouds = hnp.arrays(np.float32, st.tuples(st.integers(0, 20), st.just(3)), elements=st.floats(-80, 80, width=32))


@given(clouds, poses, poses)
def test_points_move_as_loops_move_them(xyz: np.ndarray, pose: np.ndarray, target: np.ndarray) -> None:
    sensor, wanted = (np.linalg.inv(TR) @ each @ TR for each in (pose, target))
    moved = align(xyz, sensor, wanted)
    assert moved.shape == xyz.shape
    assert moved.dtype == np.float32
    expected = np.reshape(moved_by_loops(xyz, pose, target), (-1, 3))
    np.testing.assert_allclose(moved, expected, rtol=1e-6, atol=1e-5)


@given(clouds, poses, poses)
def test_there_and_back_is_where_it_began(xyz: np.ndarray, pose: np.ndarray, target: np.ndarray) -> None:
    np.testing.assert_allclose(align(align(xyz, pose, target), target, pose), xyz, atol=3e-3)
    np.testing.assert_allclose(align(xyz, pose, pose), xyz, atol=1e-6)


@pytest.fixture
def sequence(tmp_path: Path) -> Path:
    (tmp_path / "sequences/00").mkdir(parents=True)
    return tmp_path / "sequences/00"


def test_a_drive_is_read_as_it_was_written(tmp_path: Path, sequence: Path) -> None:
    written = a_drive(6)
    write_drive(tmp_path, "00", written)
    for pose, read in zip(written, drive_poses(sequence), strict=True):
        np.testing.assert_allclose(TR @ read, pose @ TR, atol=1e-12)


@pytest.mark.parametrize("wrong", [np.diag([0, 0, 0, 1.0]), np.diag([2, 2, 2, 1.0]), np.diag([1e308, 1, 1, 1.0])])
def test_a_pose_that_is_none_is_named_by_its_line(tmp_path: Path, sequence: Path, wrong: np.ndarray) -> None:
    write_drive(tmp_path, "00", [*a_drive(3), wrong])
    with pytest.raises(HarnessError, match=r"poses\.txt: found a pose on line 4 that is no rotation and shift"):
        drive_poses(sequence)


@pytest.mark.parametrize("shift", [10.5, 1e6, 1e308])
def test_a_leap_is_named_by_its_lines(tmp_path: Path, sequence: Path, shift: float) -> None:
    write_drive(tmp_path, "00", [np.eye(4), np.eye(4), turned((0, 0, 0), (0, 0, shift))])
    with pytest.raises(HarnessError, match=r"m between lines 2 and 3; expected at most 10 m"):
        drive_poses(sequence)


def test_a_fast_car_is_no_leap(tmp_path: Path, sequence: Path) -> None:
    write_drive(tmp_path, "00", [turned((0, 0, 0), (0, 0, 9.9 * frame)) for frame in range(4)])
    assert len(drive_poses(sequence)) == 4


def test_missing_files_are_told_apart_from_damaged_ones(tmp_path: Path, sequence: Path) -> None:
    with pytest.raises(PosesUnavailable, match="no such file"):
        drive_poses(sequence)
    write_drive(tmp_path, "00", a_drive(2))
    (sequence / "calib.txt").write_text("P0: 1\n")
    with pytest.raises(PosesUnavailable, match="no Tr: line"):
        drive_poses(sequence)


@pytest.mark.real
def test_real_poses_are_a_drive(real_root: Path, tmp_path: Path) -> None:
    for folder in sorted((real_root / "sequences").iterdir()):
        (tmp_path / "poses.txt").write_bytes((folder / "poses.txt").read_bytes())
        (tmp_path / "calib.txt").write_text("Tr: 0 -1 0 0 0 0 -1 0 1 0 0 0\n")
        steps = np.linalg.norm(np.diff(drive_poses(tmp_path)[:, :3, 3], axis=0), axis=1)
        assert 1 < steps.max() < 3.3, folder.name
