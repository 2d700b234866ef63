import json
import os
import sys
from pathlib import Path

import numpy as np
import pytest

from harness.data.street.hdl64e import BEAMS, elevations_deg, origin_offsets_m, rays

UPPER_TOLERANCE_DEG, LOWER_TOLERANCE_DEG, MEAN_TOLERANCE_DEG = 0.6, 1.6, 0.4


def test_two_blocks_of_32_beams_from_top_to_bottom():
    elevations = elevations_deg()
    assert len(elevations) == BEAMS == len(origin_offsets_m())
    assert (np.diff(elevations) < 0).all()
    assert np.allclose(np.diff(elevations[:32]), -1 / 3)
    assert np.allclose(np.diff(elevations[32:]), -1 / 2)
    assert (elevations[0], elevations[32]) == (2.0, -8.83)


def test_rays_stand_in_the_order_of_the_files_and_look_where_their_ring_looks():
    turn = rays(360)
    ring, column = turn.ring.astype(int), turn.column
    assert (np.diff(ring * 360 + column) > 0).all()
    assert np.allclose(np.linalg.norm(turn.directions, axis=1), 1, atol=1e-6)
    assert np.allclose(np.degrees(np.arcsin(turn.directions[:, 2])), elevations_deg()[ring], atol=1e-3)
    azimuth = np.degrees(np.arctan2(turn.directions[:, 1], turn.directions[:, 0])) % 360
    assert np.allclose(azimuth, column + 0.5, atol=1e-3)
    assert np.allclose(turn.origins[:, 2], origin_offsets_m()[ring])


def test_the_recording_car_hides_ground_ahead_and_behind_from_the_low_beams_only():
    turn = rays(360)
    per_ring = np.bincount(turn.ring, minlength=BEAMS)
    assert (per_ring[:40] == 360).all()
    assert 0.3 * 360 < per_ring[-1] < 0.7 * 360
    left = turn.column[turn.ring == BEAMS - 1]
    assert 90 in left
    assert 270 in left
    assert 0 not in left
    assert 180 not in left


@pytest.mark.real
def test_nominal_elevations_are_near_those_measured_on_real_scans():
    root = os.environ.get("HARNESS_REAL_DATA")
    if not root:
        pytest.skip("HARNESS_REAL_DATA is not set")
    table = json.loads((Path(root) / "sensors" / "hdl64e_kitti.json").read_text())
    error = np.abs(elevations_deg() - np.asarray(table["elevation_deg"]))
    upper, lower = error[:32].max(), error[32:].max()
    sys.stdout.write(
        f"elevation error, degrees: upper block {upper:.2f}, lower block {lower:.2f}, mean {error.mean():.2f}\n"
    )
    assert upper <= UPPER_TOLERANCE_DEG
    assert lower <= LOWER_TOLERANCE_DEG
    assert error.mean() <= MEAN_TOLERANCE_DEG
    assert np.abs(origin_offsets_m() - np.asarray(table["origin_z_offset_m"])).mean() < 0.03
