"""Past scans, moved to where the sensor stands now."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from harness.data.poses import require_drive, sensor_poses


def drive_poses(folder: Path) -> NDArray[np.float64]:
    """Read the sensor poses of a sequence and make sure that scans can be moved by them.

    Args:
        folder: of the sequence, with poses.txt and calib.txt.

    Returns:
        [T, 4, 4] float64, sensor frame of each of T frames to that of the first, metres.

    Raises:
        PosesUnavailable: a file is missing, or calib.txt has no ``Tr:`` line.
        HarnessError: a file is malformed, or the poses are no drive: one is no rotation and shift, or two that follow
            each other lie further apart than a car drives in a tenth of a second.
    """
    poses = sensor_poses(folder)
    require_drive(poses, folder / "poses.txt")
    return poses


def align(xyz: NDArray[np.float32], pose: NDArray[np.float64], target: NDArray[np.float64]) -> NDArray[np.float32]:
    """Move a scan from its sensor's frame into that of another: target⁻¹ · pose · (x, y, z, 1).

    Computed in float64 and rounded once, as the official `generate_sequential.py` does (re-read); written out, since a
    matrix product may round by the number of threads.

    Args:
        xyz: [N, 3] metres.
        pose: [4, 4], the scan's sensor frame to a common one.
        target: [4, 4], the wanted sensor frame to the same common one.

    Returns:
        [N, 3].
    """
    relative = np.linalg.inv(target) @ pose
    x, y, z = xyz.astype(np.float64).T
    moved = [row[0] * x + row[1] * y + row[2] * z + row[3] for row in relative[:3]]
    return np.stack(moved, axis=1).astype(np.float32)
