"""Poses of a made drive, in the camera's frame as poses.txt holds them, and what loops over points make of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from harness.data.labels import SEMANTICKITTI_MULTISCAN

WriteSequences = Callable[..., Path]
Matrix = NDArray[np.float64]

# Sensor to camera as in a KITTI car: the camera's x points right, its y down, its z ahead.
TR = np.array([[0.0, -1.0, 0.0, -0.01], [0.0, 0.0, -1.0, -0.05], [1.0, 0.0, 0.0, -0.3], [0.0, 0.0, 0.0, 1.0]])


def turned(angles: Sequence[float], shift: Sequence[float]) -> Matrix:
    """A rotation about z, y and x, then a shift, as a 4×4 matrix."""
    cy, sy, cp, sp, cr, sr = (f(angle) for angle in angles for f in (np.cos, np.sin))
    pose = np.eye(4)
    pose[:3, :3] = (
        np.array([[cy, -sy, 0], [sy, cy, 0], [0, 0, 1]])
        @ np.array([[cp, 0, sp], [0, 1, 0], [-sp, 0, cp]])
        @ np.array([[1, 0, 0], [0, cr, -sr], [0, sr, cr]])
    )
    pose[:3, 3] = shift
    return pose


def a_drive(frames: int, seed: int = 0) -> list[Matrix]:
    """Camera poses of a car that turns and shakes a little, up to 2 m a frame."""
    rng, poses = np.random.default_rng(seed), [np.eye(4)]
    for _ in range(frames - 1):
        poses.append(poses[-1] @ turned(rng.normal(0, 0.05, 3).tolist(), [*rng.normal(0, 0.1, 2), rng.uniform(0, 2)]))
    return poses


def write_drive(root: Path, sequence: str, poses: Sequence[Matrix], tr: Matrix = TR) -> None:
    folder = root / "sequences" / sequence
    (folder / "poses.txt").write_text("".join(f"{numbers(pose)}\n" for pose in poses))
    (folder / "calib.txt").write_text(f"P0: {numbers(np.eye(4))}\nTr: {numbers(tr)}\n")


def numbers(matrix: Matrix) -> str:
    return " ".join(f"{value:.17g}" for value in matrix[:3].ravel())


def moved_by_loops(xyz: NDArray[np.float32], pose: Matrix, target: Matrix, tr: Matrix = TR) -> list[list[float]]:
    """Points of one sensor in the frame of another, point by point: to the camera, the world, the other camera, back.

    Rotations are undone by their transpose, so that nothing is shared with the code under test.
    """
    out = []
    for point in xyz.tolist():
        for matrix in (tr, pose):
            point = [sum(matrix[r, c] * point[c] for c in range(3)) + matrix[r, 3] for r in range(3)]
        for matrix in (target, tr):
            shifted = [point[r] - matrix[r, 3] for r in range(3)]
            point = [sum(matrix[r, c] * shifted[r] for r in range(3)) for c in range(3)]
        out.append(point)
    return out


def write_drives(write_sequences: WriteSequences) -> Path:
    """Six scans to train on, three to evaluate on and three without labels; 50, 53, 56, … points."""
    scans = {"00": 6, "08": 3, "11": 3}
    path = write_sequences(scans, raw_ids=tuple(SEMANTICKITTI_MULTISCAN.raw_to_train))
    for place, (sequence, frames) in enumerate(scans.items()):
        write_drive(path, sequence, a_drive(frames, seed=place))
    return path


def alone(root: Path, scan_id: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Points, remissions and label words of one scan, straight from its files."""
    folder, frame = root / "sequences" / scan_id[:2], scan_id[3:]
    points = np.fromfile(folder / f"velodyne/{frame}.bin", "<f4").reshape(-1, 4)
    return points[:, :3], points[:, 3], np.fromfile(folder / f"labels/{frame}.label", "<u4")
