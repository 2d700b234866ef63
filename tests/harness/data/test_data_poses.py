from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from harness.data.poses import read_poses, read_tr, require_drive, sensor_poses
from harness.data.semantickitti import SemanticKitti
from harness.errors import HarnessError

# Velodyne to camera of sequences 00-02, as the KITTI odometry set gives it.
TR = """
4.276802385584e-04 -9.999672484946e-01 -8.084491683471e-03 -1.198459927713e-02 -7.210626507497e-03 8.081198471645e-03
-9.999413164504e-01 -5.403984729748e-02 9.999738645903e-01 4.859485810390e-04 -7.206933692422e-03 -2.921968648686e-01
"""


def rigid(angles: tuple[float, float, float], shift: tuple[float, float, float]) -> NDArray[np.float64]:
    pose = np.eye(4)
    for (a, b), angle in zip([(1, 2), (0, 2), (0, 1)], angles, strict=True):
        turn = np.eye(4)
        turn[a, a] = turn[b, b] = np.cos(angle)
        turn[a, b], turn[b, a] = -np.sin(angle), np.sin(angle)
        pose = turn @ pose
    pose[:3, 3] = shift
    return pose


def line(matrix: NDArray[np.float64]) -> str:
    return " ".join(f"{value:.17g}" for value in matrix[:3].ravel()) + "\n"


triple = st.tuples(*[st.floats(-3, 3)] * 3)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(angles=triple, shift=triple, tr_angles=triple, tr_shift=triple)
def test_a_sensor_pose_moves_points_as_the_camera_does(tmp_path: Path, angles, shift, tr_angles, tr_shift) -> None:  # type: ignore[no-untyped-def]
    """A point seen by the sensor lies, in the first camera's frame, where camera pose and Tr put it."""
    pose, tr = rigid(angles, shift), rigid(tr_angles, tr_shift)
    (tmp_path / "poses.txt").write_text(line(np.eye(4)) + line(pose))
    (tmp_path / "calib.txt").write_text("P0: 1 2 3\nTr: " + line(tr))
    poses = sensor_poses(tmp_path)
    assert poses.shape == (2, 4, 4)
    point = np.array([3.0, -2.0, 1.0, 1.0])
    np.testing.assert_allclose(tr @ (poses[1] @ point), pose @ (tr @ point), atol=1e-9)
    np.testing.assert_allclose(poses[0], np.eye(4), atol=1e-12)


def test_calib_without_tr_says_what_is_there(tmp_path: Path) -> None:
    (tmp_path / "calib.txt").write_text("P0: 1 0 0\nP1: 1 0 0\n")
    with pytest.raises(HarnessError, match=r"calib\.txt: found P0, P1 but no Tr: line"):
        read_tr(tmp_path / "calib.txt")


@pytest.mark.parametrize("text", ["Tr: 1 2 3", "Tr: " + "1 " * 12, "Tr: " + "x " * 12, "Tr: " + "nan " * 12])
def test_a_broken_tr_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "calib.txt").write_text(text)
    with pytest.raises(HarnessError, match=r"calib\.txt"):
        read_tr(tmp_path / "calib.txt")


def test_a_broken_pose_is_named_by_its_line(tmp_path: Path) -> None:
    (tmp_path / "poses.txt").write_text(line(np.eye(4)) + "1 0 0 0 0 1\n")
    with pytest.raises(HarnessError, match=r"poses\.txt: found '1 0 0 0 0 1' on line 2"):
        read_poses(tmp_path / "poses.txt")
    (tmp_path / "poses.txt").write_text("")
    with pytest.raises(HarnessError, match="no line"):
        read_poses(tmp_path / "poses.txt")
    with pytest.raises(HarnessError, match="no such file"):
        read_poses(tmp_path / "other.txt")


@pytest.mark.parametrize("start, end", [("", "\r\n"), ("\ufeff", "\n"), (" ", "\t\n")])
def test_text_of_other_systems_is_read(tmp_path: Path, start: str, end: str) -> None:
    (tmp_path / "poses.txt").write_bytes((start + line(np.eye(4)).strip() + end).encode() + line(np.eye(4)).encode())
    (tmp_path / "calib.txt").write_bytes((start + "Tr: " + line(np.eye(4)).strip() + end).encode())
    np.testing.assert_array_equal(sensor_poses(tmp_path), np.stack([np.eye(4)] * 2))


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"\x80\x02}q\x00", "a byte 0x80 at 0 that is no text"),
        (b"\n" * 3_000_000, "'' on line 1"),
        (b"0 0\n" * 10_000_000, "40000000 bytes"),
        (b"nan " * 12, "'nan nan nan"),
        (b"1e999 " * 12, "'1e999"),
        (b"1 0 0 0\x000 1 0 0 0 0 1 0", "'1 0 0 0\\x000 1"),
    ],
)
def test_poses_of_rubbish_are_named(tmp_path: Path, content: bytes, found: str) -> None:
    (tmp_path / "poses.txt").write_bytes(content)
    with pytest.raises(HarnessError) as caught:
        read_poses(tmp_path / "poses.txt")
    assert caught.value.found.startswith(found)


def test_what_is_no_rotation_or_no_drive_is_refused() -> None:
    turned, far, mirrored, huge = (np.eye(4) for _ in range(4))
    turned[0, 0], mirrored[2, 2], huge[:3, :3] = 0.9, -1.0, 1e200
    far[0, 3] = 10.5
    require_drive(np.stack([np.eye(4)] * 3), Path("p"))
    for pose in (turned, mirrored, huge):
        with pytest.raises(HarnessError, match="p: found a pose on line 2 that is no rotation and shift"):
            require_drive(np.stack([np.eye(4), pose]), Path("p"))
    with pytest.raises(HarnessError, match=r"10.5 m between lines 3 and 4; expected at most 10 m"):
        require_drive(np.stack([*[np.eye(4)] * 3, far]), Path("p"))


@pytest.mark.real
def test_real_poses_are_drives(real_root: Path) -> None:
    for folder in sorted((real_root / "sequences").iterdir()):
        require_drive(read_poses(folder / "poses.txt"), folder / "poses.txt")


@pytest.mark.real
def test_real_poses_need_tr_only_when_asked_for(real_root: Path, tmp_path: Path) -> None:
    dataset = SemanticKitti(real_root, partial=True)
    dataset.read("00/000000")
    with pytest.raises(HarnessError, match="no Tr: line"):
        dataset.poses("00")
    (tmp_path / "poses.txt").write_bytes((real_root / "sequences/00/poses.txt").read_bytes())
    (tmp_path / "calib.txt").write_text("Tr: " + " ".join(TR.split()))
    poses = sensor_poses(tmp_path)
    assert poses.shape == (4541, 4, 4)

    numbers = [float(word) for word in TR.split()]
    rotation, shift = np.array(numbers).reshape(3, 4)[:, :3], np.array(numbers).reshape(3, 4)[:, 3]
    camera = np.array((tmp_path / "poses.txt").read_text().splitlines()[8].split(), dtype=float).reshape(3, 4)
    point = np.array([10.0, 2.0, -1.0])
    in_camera = camera[:, :3] @ (rotation @ point + shift) + camera[:, 3]
    in_first_sweep = np.linalg.solve(rotation, in_camera - shift)
    np.testing.assert_allclose((poses[8] @ [*point, 1.0])[:3], in_first_sweep, atol=1e-6)
    assert poses[8, 0, 3] > 1.0, "the car drives forward, which is x in the sensor's frame"
