import numpy as np

from harness.data.street.trajectory import Centreline, Ego

LINE = Centreline(0, "00", 600.0)
EGO = Ego(LINE, 10.0, -1.8, sensor_height_m=1.84)


def test_poses_are_rigid_and_look_along_the_way():
    for frame in range(0, 200, 7):
        pose, ahead = EGO.pose(frame), EGO.pose(frame + 1)
        assert np.allclose(pose[:3, :3] @ pose[:3, :3].T, np.eye(3))
        assert np.linalg.det(pose[:3, :3]) > 0
        step = np.linalg.inv(pose) @ ahead
        assert 0.5 < step[0, 3] < 1.5
        assert abs(step[1, 3]) < 0.05
        assert abs(step[2, 3]) < 0.05


def test_the_sensor_rides_at_its_height_over_the_lane():
    s = EGO.along(40)
    road = LINE.to_world(np.array([s, EGO.lateral(s), 0.0]))
    assert np.allclose(EGO.pose(40)[:3, 3] - road, [0, 0, 1.84])


def test_the_velocity_is_the_change_of_place_in_the_sensors_axes():
    for frame in (3, 40, 111):
        change = EGO.pose(frame)[:3, 3] - EGO.pose(frame - 0.5)[:3, 3]
        assert np.allclose(EGO.pose(frame)[:3, :3] @ EGO.velocity(frame) * 0.05, change)
        assert 7.0 < EGO.velocity(frame)[0] < 13.0


def test_the_street_keeps_lengths_along_and_across():
    s = np.linspace(0, 500, 2001)
    along = np.diff(LINE.to_world(np.stack([s, 0 * s, 0 * s], 1))[:, :2], axis=0)
    assert np.allclose(np.linalg.norm(along, axis=1), s[1], rtol=1e-3)
    left, right = LINE.to_world(np.array([[100.0, 5.0, 0.0], [100.0, -5.0, 0.0]]))
    assert np.isclose(np.linalg.norm(left - right), 10.0)


def test_a_longer_street_begins_like_the_shorter():
    points = np.array([[-80.0, 3.0, 1.0], [42.3, -7.0, 0.0]])
    assert np.array_equal(LINE.to_world(points), Centreline(0, "00", 5000.0).to_world(points))
