from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from harness.data.nuscenes.pose import Pose
from harness.errors import HarnessError

numbers = st.floats(-1, 1)


@given(st.tuples(numbers, numbers, numbers, numbers).filter(lambda q: np.linalg.norm(q) > 0.1), st.floats(-1e4, 1e4))
def test_a_matrix_turns_as_scipy_does(quaternion: tuple[float, ...], x: float) -> None:
    w, *rest = np.asarray(quaternion) / np.linalg.norm(quaternion)
    matrix = Pose.of([w, *rest], [x, 2.0, 3.0], "row").matrix()
    np.testing.assert_allclose(matrix[:3, :3], Rotation.from_quat([*rest, w]).as_matrix(), atol=1e-12)
    np.testing.assert_array_equal(matrix[:, 3], [x, 2, 3, 1])
    np.testing.assert_array_equal(matrix[3], [0, 0, 0, 1])


@pytest.mark.parametrize(
    ("rotation", "translation", "found"),
    [
        ([1.0, 0, 0], [0.0, 0, 0], "rotation [1.0, 0, 0]"),
        ([0.0, 0, 0, 0], [0.0, 0, 0], "rotation [0.0"),
        ([1.0, 0.1, 0, 0], [0.0, 0, 0], "rotation [1.0, 0.1"),
        ([1.0, 0, 0, 0], [0.0, 0], "translation [0.0, 0]"),
    ],
)
def test_what_is_no_pose_is_refused(rotation: list[float], translation: list[float], found: str) -> None:
    with pytest.raises(HarnessError) as caught:
        Pose.of(rotation, translation, "ego_pose.json, row 'a'")
    assert caught.value.where == "ego_pose.json, row 'a'"
    assert found in caught.value.found
