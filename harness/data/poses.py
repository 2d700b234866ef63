"""Where the sensor was: poses.txt and calib.txt of a KITTI sequence."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from harness.data.kitti_files import AGAIN, unreadable
from harness.errors import HarnessError

TR_REMEDY = "Take calib.txt from the calibration files of the KITTI odometry set; only poses need it."


class PosesUnavailable(HarnessError):
    """A copy that came without poses or without the transform they need: no harm as long as none are asked for."""


def sensor_poses(folder: Path) -> NDArray[np.float64]:
    """Read the poses of a sequence and bring them from the camera's frame into the sensor's: Tr⁻¹ · P · Tr.

    Args:
        folder: of the sequence, with poses.txt and calib.txt.

    Returns:
        [T, 4, 4] float64, sensor frame of each of T frames to that of the first, metres.

    Raises:
        PosesUnavailable: a file is missing, or calib.txt has no ``Tr:`` line.
        HarnessError: a file is malformed.
    """
    tr = read_tr(folder / "calib.txt")
    return np.asarray(np.linalg.inv(tr) @ read_poses(folder / "poses.txt") @ tr)


def read_poses(path: Path) -> NDArray[np.float64]:
    """Read one 3×4 row-major matrix per line, in the camera's frame: [T, 4, 4] float64, T ≥ 1."""
    rows = [_matrix(line, path, f"line {number}") for number, line in enumerate(_lines(path), start=1)]
    if not rows:
        raise HarnessError(path, "no line", "one pose a line", AGAIN)
    return np.stack(rows)


def read_tr(path: Path) -> NDArray[np.float64]:
    """Read ``Tr:``, the transform from the sensor's frame to the first camera's: [4, 4] float64."""
    lines = _lines(path)
    for line in lines:
        if line.startswith("Tr:"):
            tr = _matrix(line.removeprefix("Tr:"), path, "Tr:")
            if not np.allclose(tr[:3, :3] @ tr[:3, :3].T, np.eye(3), atol=1e-3):
                raise HarnessError(path, "a Tr: that is no rotation and shift", "an orthonormal 3×3 part", TR_REMEDY)
            return tr
    keys = ", ".join(line.split(":")[0][:20] for line in lines[:8]) or "nothing"
    raise PosesUnavailable(path, f"{keys} but no Tr: line", "a Tr: line with 12 numbers", TR_REMEDY)


def _matrix(text: str, path: Path, where: str) -> NDArray[np.float64]:
    """Parse twelve numbers into the upper rows of a 4×4 matrix."""
    try:
        values = np.array(text.split(), dtype=np.float64)
    except ValueError:
        values = np.empty(0)
    if values.shape != (12,) or not np.isfinite(values).all():
        raise HarnessError(path, f"'{text.strip()[:40]}' on {where}", "12 finite numbers", AGAIN)
    return np.vstack([values.reshape(3, 4), [0.0, 0.0, 0.0, 1.0]])


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text().splitlines()
    except FileNotFoundError as error:
        remedy = "Take it from the KITTI odometry set; only poses need it."
        raise PosesUnavailable(path, "no such file", "poses.txt and calib.txt in the sequence", remedy) from error
    except (OSError, UnicodeDecodeError) as error:
        raise unreadable(path, error) from error
