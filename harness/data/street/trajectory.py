"""The line of a street through the world and the sensor's way along it."""

from dataclasses import dataclass

import numpy as np

from harness.data.street.draws import generator

SCAN_PERIOD_S = 0.1
_GRID_STEP_M = 0.5
_RUN_UP_M = 200.0


@dataclass(frozen=True)
class Waves:
    """Sum of sines of arc length: f(s) = sum a sin(k s + p)."""

    amplitude: np.ndarray
    wavenumber: np.ndarray
    phase: np.ndarray

    def __call__(self, s: np.ndarray) -> np.ndarray:
        """Value at each s, in the unit of the amplitudes."""
        return np.asarray(np.sin(np.multiply.outer(s, self.wavenumber) + self.phase) @ self.amplitude)


class Centreline:
    """Street coordinates (s along, y to the left, z up from the road) to world coordinates.

    The heading and the height are sums of sines of s, so that any stretch of the street can be built on its own.

    Args:
        seed, sequence: the key of the street.
        length_m: how far s may reach.
    """

    def __init__(self, seed: int, sequence: str, length_m: float) -> None:
        rng = generator(seed, sequence, "centreline")
        wavelength = rng.uniform([180.0, 90.0], [320.0, 140.0])
        phase = rng.uniform(0, 2 * np.pi, 2)
        self.heading = Waves(rng.uniform([0.1, 0.01], [0.24, 0.04]), 2 * np.pi / wavelength, phase)
        self.height = Waves(rng.uniform([0.3, 0.05], [1.2, 0.2]), 2 * np.pi / wavelength[::-1], phase[::-1])
        self._s = np.arange(-_RUN_UP_M, length_m + _GRID_STEP_M, _GRID_STEP_M)
        angle = self.heading(self._s + _GRID_STEP_M / 2)
        self._x = np.concatenate([[0.0], np.cumsum(np.cos(angle[:-1]) * _GRID_STEP_M)])
        self._y = np.concatenate([[0.0], np.cumsum(np.sin(angle[:-1]) * _GRID_STEP_M)])

    def to_world(self, points: np.ndarray) -> np.ndarray:
        """Points [..., 3] (s, y, z) of the street in world metres, float64 [..., 3]."""
        s, y, z = np.moveaxis(points, -1, 0)
        angle = self.heading(s)
        return np.stack(
            [
                np.interp(s, self._s, self._x) - y * np.sin(angle),
                np.interp(s, self._s, self._y) + y * np.cos(angle),
                z + self.height(s),
            ],
            axis=-1,
        )


@dataclass(frozen=True)
class Ego:
    """The recording car: in the right lane, at nearly constant speed.

    Attributes:
        line: the street.
        speed_mps: mean speed.
        lane_y_m: where it drives, from the middle of the road (negative is right).
        sensor_height_m: of the sensor over the road.
    """

    line: Centreline
    speed_mps: float
    lane_y_m: float
    sensor_height_m: float

    def along(self, frame: float) -> float:
        """Distance s in metres at a frame or between two; strictly growing."""
        time = frame * SCAN_PERIOD_S
        return self.speed_mps * (time + 0.25 * float(np.sin(0.5 * time)))

    def lateral(self, s: float) -> float:
        """Sideways position at s in metres: the lane and a slow weave of 12 cm."""
        return self.lane_y_m + 0.12 * float(np.sin(s / 17.0))

    def pose(self, frame: float) -> np.ndarray:
        """Sensor to world, float64 [4, 4]: heading and grade of the path, small pitch and roll."""
        s, step = self.along(frame), 0.5
        path = np.array([[d, self.lateral(d), self.sensor_height_m] for d in (s - step, s, s + step)])
        behind, here, ahead = self.line.to_world(path)
        forward = ahead - behind
        forward /= np.linalg.norm(forward)
        forward[2] += 0.003 * np.sin(0.9 * frame * SCAN_PERIOD_S * 2 * np.pi)
        left = np.cross([0.0, 0.0, 1.0], forward)
        left[2] += 0.004 * np.sin(0.7 * frame * SCAN_PERIOD_S * 2 * np.pi)
        forward /= np.linalg.norm(forward)
        left -= forward * (left @ forward)
        left /= np.linalg.norm(left)
        pose = np.eye(4)
        pose[:3, :3] = np.stack([forward, left, np.cross(forward, left)], axis=1)
        pose[:3, 3] = here
        return pose

    def velocity(self, frame: float) -> np.ndarray:
        """Mean velocity of the sensor over the half period before a frame, float64 [3], m/s in its axes."""
        pose, before = self.pose(frame), self.pose(frame - 0.5)
        return np.asarray((pose[:3, 3] - before[:3, 3]) @ pose[:3, :3] / (0.5 * SCAN_PERIOD_S))
