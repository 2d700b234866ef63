import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from harness.data.street.quaternion import quaternion

ANGLE = st.floats(-np.pi, np.pi)


def rotated(quaternion_wxyz, vector):
    """The vector turned by the product q v q*, written out."""
    w, axis = quaternion_wxyz[0], quaternion_wxyz[1:]
    return vector + 2 * np.cross(axis, np.cross(axis, vector) + w * vector)


@given(ANGLE, ANGLE, ANGLE)
def test_a_quaternion_turns_vectors_as_its_matrix_does(yaw, pitch, roll):
    about_z = [[np.cos(yaw), -np.sin(yaw), 0], [np.sin(yaw), np.cos(yaw), 0], [0, 0, 1]]
    about_y = [[np.cos(pitch), 0, np.sin(pitch)], [0, 1, 0], [-np.sin(pitch), 0, np.cos(pitch)]]
    about_x = [[1, 0, 0], [0, np.cos(roll), -np.sin(roll)], [0, np.sin(roll), np.cos(roll)]]
    matrix = np.array(about_z) @ about_y @ about_x
    found = quaternion(matrix)
    assert np.isclose(np.linalg.norm(found), 1)
    assert found[0] >= 0
    for vector in np.eye(3):
        assert np.allclose(rotated(found, vector), matrix @ vector, atol=1e-9)


def test_a_half_turn_has_no_real_part_to_choose_a_sign_by():
    assert np.allclose(np.abs(quaternion(np.diag([-1.0, -1.0, 1.0]))), [0, 0, 0, 1])
