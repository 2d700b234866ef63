import numpy as np
import pytest

from harness.data.street.classes import Raw
from harness.data.street.draws import generator
from harness.data.street.hdl32e import BEAMS, HDL32E, MIN_RANGE_M, TURN_S, elevations_deg, turn
from harness.data.street.keyframe import intensity, keyframe
from harness.data.street.nuscenes_labels import CATEGORIES, EGO, INDEX
from harness.data.street.returns import measure

AZIMUTHS = 240
TURN = turn(AZIMUTHS)
STILL, VELOCITY = np.zeros(3), np.array([8.0, 0.5, 0.1])


def flat_ground(velocity=STILL, raw=Raw.ROAD, key=0):
    """A keyframe over level ground and nothing else."""
    rays = TURN.rays.moving(velocity)
    down = -rays.directions[:, 2]
    distance = np.full(len(down), np.inf, np.float32)
    distance[down > 0] = (HDL32E.height_m + rays.origins[down > 0, 2]) / down[down > 0]
    labels = np.full(len(down), int(raw), np.uint32)
    rng = generator(0, "flat", key)
    returns = measure(rays, distance, np.abs(down), labels, np.zeros(len(down), np.uint8), rng)
    return keyframe(TURN, returns, velocity, rng)


def test_the_rings_are_those_of_the_data_sheet():
    assert elevations_deg()[0] == -30.67
    assert elevations_deg()[-1] == pytest.approx(10.67, abs=0.01)
    assert np.allclose(np.diff(elevations_deg()), 1.333, atol=1e-3)


def test_a_keyframe_holds_every_firing_in_the_order_of_the_real_file():
    scan = flat_ground()
    assert scan.points.shape == (BEAMS * AZIMUTHS, 5)
    assert scan.points.dtype == np.float32
    firings = scan.points.reshape(AZIMUTHS, BEAMS, 5)
    assert (firings[:, :, 4] == np.arange(BEAMS)).all()
    middle = firings[:, 12]
    back = np.linalg.norm(middle[:, :3], axis=1) > 1
    azimuth = np.degrees(np.arctan2(middle[back, 1], middle[back, 0])) % 360
    wanted = (180 - (np.flatnonzero(back) + 0.5) * 360 / AZIMUTHS) % 360
    assert back.sum() > 0.9 * AZIMUTHS
    assert np.abs((azimuth - wanted + 180) % 360 - 180).max() < 1e-2, "clockwise from the left; x is right, y forward"


def test_level_ground_lies_at_the_height_of_the_sensor_and_each_ring_looks_where_it_should():
    scan = flat_ground()
    seen = scan.categories == INDEX["flat.driveable_surface"]
    near = seen & (np.linalg.norm(scan.points[:, :3], axis=1) < 30)
    assert near.sum() > 3900
    assert np.median(scan.points[near, 2]) == pytest.approx(-1.84, abs=0.002)
    assert np.abs(scan.points[near, 2] + 1.84).max() < 0.05
    xyz, ring = scan.points[seen, :3], scan.points[seen, 4].astype(int)
    elevation = np.degrees(np.arcsin(xyz[:, 2] / np.linalg.norm(xyz, axis=1)))
    assert np.abs(elevation - elevations_deg()[ring]).max() < 1e-3


def test_lost_echoes_stand_where_the_sensor_was_and_count_as_the_recording_car():
    still, moving = flat_ground(), flat_ground(VELOCITY)
    above = still.points[:, 4] > 23
    assert (still.points[above, :3] == 0).all()
    assert (still.categories[above] == EGO).all()
    path = moving.points.reshape(AZIMUTHS, BEAMS, 5)[:, 31, :3]
    lag = TURN_S * (AZIMUTHS - 1 - np.arange(AZIMUTHS)) / AZIMUTHS
    forward, left, up = VELOCITY
    assert np.allclose(path, -lag[:, None] * np.array([-left, forward, up]), atol=1e-6)


def test_a_moving_sensor_sees_level_ground_level_and_from_where_it_was():
    scan = flat_ground(np.array([10.0, 0.0, 0.0]))
    place = scan.points.reshape(AZIMUTHS, BEAMS, 5)[:, :, :3].astype(np.float64)
    seen = (scan.categories == INDEX["flat.driveable_surface"]).reshape(AZIMUTHS, BEAMS)
    ranges = np.linalg.norm(place, axis=2)
    assert np.abs(place[seen & (ranges < 30), 2] + 1.84).max() < 0.05
    origin = np.zeros((AZIMUTHS, 1, 3))
    origin[:, 0, 1] = -10.0 * TURN_S * (AZIMUTHS - 1 - np.arange(AZIMUTHS)) / AZIMUTHS
    ray = place - origin
    elevation = np.degrees(np.arcsin(ray[:, :, 2] / np.maximum(np.linalg.norm(ray, axis=2), 1e-9)))
    assert np.abs(elevation - elevations_deg())[seen].max() < 1e-3


def test_the_own_roof_is_met_by_the_low_rings_only_and_never_nearer_than_the_sensor_can_tell():
    scan = flat_ground()
    ranges = np.linalg.norm(scan.points[:, :3], axis=1)
    roof = (scan.categories == EGO) & (ranges > 0)
    assert ranges[roof].min() >= MIN_RANGE_M
    assert ranges[roof].max() < 1.5
    rings = np.bincount(scan.points[roof, 4].astype(int), minlength=BEAMS)
    assert (rings[:8] > 0.1 * AZIMUTHS).all()
    assert (rings[11:] == 0).all()
    assert 0.08 < roof.mean() < 0.14
    assert set(np.unique(scan.categories[~roof & (ranges < 1.5)]).tolist()) == {EGO}


def test_intensities_are_whole_numbers_from_0_to_255_and_grow_with_remission():
    scan = flat_ground()
    value = scan.points[:, 3]
    assert (value == np.round(value)).all()
    assert 0 <= value.min() <= value.max() <= 255
    assert (np.diff(intensity(np.linspace(0, 1, 50))) > 0).all()
    assert intensity(np.array([1.0])).max() <= 255


def test_nothing_is_left_unlabelled_far_away():
    scan = flat_ground(raw=Raw.TERRAIN)
    far = np.linalg.norm(scan.points[:, :3], axis=1) > 50
    assert far.sum() > 50
    assert set(scan.categories[far].tolist()) <= {INDEX["flat.terrain"], INDEX["noise"]}


def test_there_are_32_categories_as_in_the_official_table():
    assert len(CATEGORIES) == 32
    assert [INDEX[name] for name in ("noise", "vehicle.car", "flat.driveable_surface", "flat.terrain")] == [
        0,
        17,
        24,
        27,
    ]
    assert [INDEX[name] for name in ("static.manmade", "static.vegetation", "vehicle.ego")] == [28, 30, 31]
    assert all(CATEGORIES.values())
