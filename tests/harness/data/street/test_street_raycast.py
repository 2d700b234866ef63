"""The ray caster against Möller and Trumbore's test (1997) of every ray with every triangle, in plain loops."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.data.street.classes import Raw
from harness.data.street.mesh import box, cylinder, ellipsoid, merge
from harness.data.street.raycast import Caster


def meet(origin, direction, triangle):
    """Distance to the triangle and |cosine| of the incidence, or None."""
    first, second = triangle[1] - triangle[0], triangle[2] - triangle[0]
    across = np.cross(direction, second)
    determinant = first @ across
    if abs(determinant) < 1e-12:
        return None
    offset = origin - triangle[0]
    u = offset @ across / determinant
    turned = np.cross(offset, first)
    v = direction @ turned / determinant
    distance = second @ turned / determinant
    if u < 0 or v < 0 or u + v > 1 or distance <= 0:
        return None
    normal = np.cross(first, second)
    return distance, abs(normal @ direction) / np.linalg.norm(normal)


def reference(vertices, faces, origins, directions):
    found = []
    for origin, direction in zip(origins.astype(np.float64), directions.astype(np.float64), strict=True):
        best = (np.inf, -1, 0.0)
        for index, face in enumerate(faces):
            hit = meet(origin, direction, vertices[face])
            if hit is not None and hit[0] < best[0]:
                best = (hit[0], index, hit[1])
        found.append(best)
    return found


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_first_hits_are_those_of_the_brute_force_search(seed):
    rng = np.random.default_rng(seed)
    scene = merge(
        [
            box((3, 2, 1), (4, 1, 0), Raw.CAR),
            cylinder(0.5, (-3, 0, -1), (-3, 1, 2), Raw.POLE),
            ellipsoid((1, 2, 1), (0, -5, 0), Raw.VEGETATION, detail=0),
        ]
    )
    directions = rng.normal(size=(60, 3))
    directions[:, 2] *= 0.2
    directions = (directions / np.linalg.norm(directions, axis=1, keepdims=True)).astype(np.float32)
    origins = rng.uniform(-0.5, 0.5, (60, 3)).astype(np.float32)
    hits = Caster(scene.vertices, scene.faces).cast(origins, directions)
    for index, (distance, face, cosine) in enumerate(reference(scene.vertices, scene.faces, origins, directions)):
        if np.isclose(hits.distance[index], distance, atol=1e-3) and hits.face[index] == face:
            assert hits.cosine[index] == np.float32(cosine) or abs(hits.cosine[index] - cosine) < 1e-3
        else:
            assert (face < 0) == (hits.face[index] < 0), "one of them missed"
            assert abs(hits.distance[index] - distance) < 1e-3, "another triangle, though not as near"


def test_a_miss_is_infinitely_far():
    hits = Caster(np.eye(3), np.array([[0, 1, 2]])).cast(
        np.zeros((1, 3), np.float32), np.array([[-1, 0, 0]], np.float32)
    )
    assert (hits.distance[0], hits.face[0], hits.cosine[0]) == (np.inf, -1, 0)
