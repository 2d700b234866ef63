"""The nominal rig: camera 0 below and ahead of the sensor, looking forward; no numbers of any real car.

Camera axes: x right, y down, z forward. Poses in `poses.txt` are those of camera 0, relative to the first frame.
"""

from collections.abc import Sequence

import numpy as np

VELODYNE_TO_CAMERA = np.array(
    [
        [0.0, -1.0, 0.0, 0.0],
        [0.0, 0.0, -1.0, -0.08],
        [1.0, 0.0, 0.0, -0.27],
        [0.0, 0.0, 0.0, 1.0],
    ]
)
"""Tr, float64 [4, 4]: sensor axes to camera axes."""

_FOCAL_PX, _CENTRE_PX = 700.0, (620.0, 188.0)
_BASELINES_M = (0.0, 0.54, -0.06, 0.48)


def _row(name: str, matrix: np.ndarray) -> str:
    return f"{name}: " + _numbers(matrix)


def _numbers(matrix: np.ndarray) -> str:
    return " ".join(f"{value:.12e}" for value in matrix[:3, :4].ravel())


def calibration_text() -> str:
    """Text of `calib.txt`: the projections P0 to P3 of a nominal stereo rig and Tr."""
    lines = []
    for camera, baseline in enumerate(_BASELINES_M):
        projection = np.array(
            [
                [_FOCAL_PX, 0.0, _CENTRE_PX[0], -_FOCAL_PX * baseline],
                [0.0, _FOCAL_PX, _CENTRE_PX[1], 0.0],
                [0.0, 0.0, 1.0, 0.0],
            ]
        )
        lines.append(_row(f"P{camera}", projection))
    lines.append(_row("Tr", VELODYNE_TO_CAMERA))
    return "\n".join(lines) + "\n"


def poses_text(sensor_poses: Sequence[np.ndarray]) -> str:
    """Text of `poses.txt`: P = Tr S Tr^-1 for each sensor pose S, taken relative to the first; 12 numbers a line."""
    first = np.linalg.inv(sensor_poses[0])
    back = np.linalg.inv(VELODYNE_TO_CAMERA)
    return "".join(_numbers(VELODYNE_TO_CAMERA @ first @ pose @ back) + "\n" for pose in sensor_poses)
