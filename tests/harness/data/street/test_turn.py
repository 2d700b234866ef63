from dataclasses import replace

import numpy as np
import pytest

from harness.data.street.classes import Raw
from harness.data.street.hdl32e import turn
from harness.data.street.hdl64e import rays
from harness.data.street.mesh import box
from harness.data.street.turn import directions, range_to


def test_azimuths_rise_to_the_left_and_elevations_upwards():
    found = directions(np.radians([0.0, 0.0, 90.0]), np.radians([0.0, 90.0, 0.0]))
    assert found.dtype == np.float32
    assert np.allclose(found, np.eye(3), atol=1e-7)


def test_rays_of_a_moving_sensor_start_where_it_was():
    still = turn(64).rays
    moved = still.moving(np.array([10.0, -1.0, 0.5]))
    assert np.allclose(still.origins - moved.origins, still.lag_s[:, None] * [10.0, -1.0, 0.5], atol=1e-6)
    assert moved.origins[:, 0].min() == pytest.approx(-0.5, rel=0.02), "a turn of 50 ms at 10 m/s"
    assert np.abs(moved.origins[-1]).max() < 1e-6, "the last firing is that of the end"
    assert np.array_equal(moved.directions, still.directions)


def test_a_turn_that_takes_no_time_does_not_move():
    whole = rays(16)
    assert whole.moving(np.array([10.0, 0.0, 0.0])) is whole


def test_a_selection_keeps_what_belongs_together():
    whole = turn(64).rays
    chosen = whole.ring == 20
    part = whole.select(chosen)
    assert len(part.ring) == len(part.directions) == len(part.lag_s) == chosen.sum() == 64
    assert np.array_equal(part.column, whole.column[chosen])


def test_what_is_fixed_to_the_sensor_is_met_at_its_distance():
    whole = turn(64).rays
    level = replace(whole, directions=np.tile(np.float32([[1, 0, 0]]), (len(whole.ring), 1)))
    assert range_to(box((2, 2, 2), (5, 0, 0), Raw.CAR), level)[0] == pytest.approx(4.0)
    assert np.isinf(range_to(box((2, 2, 2), (5, 5, 0), Raw.CAR), level)).all()
