"""Where the sensor was: poses.txt and calib.txt of a KITTI sequence."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from harness.data.input_file import AGAIN, read_input_text
from harness.errors import HarnessError

TR_REMEDY = "Take calib.txt from the calibration files of the KITTI odometry set; only poses need it."
MOST_BYTES = 1 << 22
"""Five times the poses.txt of the longest sequence."""
MOST_METRES_PER_FRAME = 10.0
"""360 km/h at ten frames a second; the longest step of sequences 00 to 10 has 3.24 m."""


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
    poses = read_poses(folder / "poses.txt")
    with np.errstate(over="ignore", invalid="ignore"):  # absurd poses are `require_drive`'s to tell
        return np.asarray(np.linalg.inv(tr) @ poses @ tr)


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
        key, _, numbers = line.partition(":")
        if key.strip() == "Tr":
            tr = _matrix(numbers, path, "Tr:")
            if not rotates(tr):
                raise HarnessError(path, "a Tr: that is no rotation and shift", "an orthonormal 3×3 part", TR_REMEDY)
            return tr
    keys = ", ".join(line.split(":")[0][:20] for line in lines[:8]) or "nothing"
    raise PosesUnavailable(path, f"{keys} but no Tr: line", "a Tr: line with 12 numbers", TR_REMEDY)


def rotates(matrices: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Whether the upper left parts of [..., 4, 4] matrices are rotations, to the few digits of a text file: [...]."""
    turns = matrices[..., :3, :3]
    with np.errstate(over="ignore", invalid="ignore"):
        square = np.isclose(turns @ turns.swapaxes(-1, -2), np.eye(3), atol=1e-3).all(axis=(-1, -2))
        return np.asarray(square & (np.linalg.det(turns) > 0))


def require_drive(poses: NDArray[np.float64], path: Path) -> None:
    """Refuse poses that are no drive, whichever of the two frames they are in.

    Args:
        poses: [T, 4, 4], one a frame, metres.
        path: of their file, for the message.

    Raises:
        HarnessError: one is no rotation and shift, or two that follow each other lie further apart than a car drives
            in a tenth of a second.
    """
    crooked = ~rotates(poses)
    with np.errstate(over="ignore", invalid="ignore"):
        steps_m = np.linalg.norm(np.diff(poses[:, :3, 3], axis=0), axis=1)
    if crooked.any():
        where = f"line {int(crooked.argmax()) + 1}"
        raise HarnessError(path, f"a pose on {where} that is no rotation and shift", "an orthonormal 3×3 part", AGAIN)
    if not (steps_m <= MOST_METRES_PER_FRAME).all():
        frame = int((~(steps_m <= MOST_METRES_PER_FRAME)).argmax())
        found = f"{steps_m[frame]:.3g} m between lines {frame + 1} and {frame + 2}"
        raise HarnessError(path, found, f"at most {MOST_METRES_PER_FRAME:g} m from frame to frame", AGAIN)


def _matrix(text: str, path: Path, where: str) -> NDArray[np.float64]:
    """Parse twelve numbers into the upper rows of a 4×4 matrix."""
    try:
        values = np.array(text.split(), dtype=np.float64)
    except ValueError:
        values = np.empty(0)
    if values.shape != (12,) or not np.isfinite(values).all():
        raise HarnessError(path, f"{text.strip()[:40]!r} on {where}", "12 finite numbers", AGAIN)
    return np.vstack([values.reshape(3, 4), [0.0, 0.0, 0.0, 1.0]])


def _lines(path: Path) -> list[str]:
    if not os.path.lexists(path):
        remedy = "Take it from the KITTI odometry set; only poses need it."
        raise PosesUnavailable(path, "no such file", "poses.txt and calib.txt in the sequence", remedy)
    return read_input_text(path, MOST_BYTES).splitlines()
