"""Unit quaternions (w, x, y, z) of rotations."""

import numpy as np


def quaternion(rotation: np.ndarray) -> np.ndarray:
    """Unit quaternion float64 [4], w >= 0, of a rotation matrix [3, 3].

    It is the eigenvector of the largest eigenvalue of the symmetric matrix of Bar-Itzhack (J. Guidance 23, 2000), which
    is stable for every angle.
    """
    (xx, xy, xz), (yx, yy, yz), (zx, zy, zz) = np.asarray(rotation, np.float64)
    matrix = np.array(
        [
            [xx + yy + zz, zy - yz, xz - zx, yx - xy],
            [zy - yz, xx - yy - zz, xy + yx, xz + zx],
            [xz - zx, xy + yx, yy - xx - zz, yz + zy],
            [yx - xy, xz + zx, yz + zy, zz - xx - yy],
        ]
    )
    found = np.linalg.eigh(matrix)[1][:, -1]
    return np.asarray(found * (np.sign(found[0]) or 1.0))
