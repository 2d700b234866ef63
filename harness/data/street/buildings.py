"""Buildings, fences and street furniture in street axes: x along the street, y away from it, metres."""

import numpy as np

from harness.data.street.classes import Material, Raw
from harness.data.street.mesh import Mesh, box, cylinder, merge, surface


def building(rng: np.random.Generator, width: float) -> Mesh:
    """House whose front lies at y = 0 and whose depth is to y > 0: ledges, doors, windows and a pitched roof."""
    depth, floors = rng.uniform(8.0, 12.0), int(rng.integers(2, 5))
    height = 2.9 * floors
    parts = [
        box((width, depth, height), (0, depth / 2, height / 2), Raw.BUILDING),
        box((width + 0.5, depth + 0.5, 2.5), (0, depth / 2, height + 1.25), Raw.BUILDING, top=(1.0, 0.1)),
        box((width, 0.16, 0.5), (0, -0.05, 0.25), Raw.BUILDING),
        box((1.5, 1.2, 0.35), (rng.uniform(-0.3, 0.3) * width, -0.6, 0.17), Raw.BUILDING),
    ]
    if rng.random() < 0.5:
        bay = rng.uniform(2.0, 3.5)
        parts.append(box((bay, 1.4, height * 0.7), (rng.uniform(-0.3, 0.3) * width, -0.7, height * 0.35), Raw.BUILDING))
    count = max(2, int(width / 2.6))
    for floor in range(min(floors, 3)):
        for x in (np.arange(count) + 0.5) / count * width - width / 2:
            sill = 2.9 * floor + 1.0
            parts.append(box((1.2, 0.03, 1.4), (x, 0.0, sill + 0.7), Raw.BUILDING, Material.GLASS))
            parts.append(box((1.4, 0.24, 0.08), (x, -0.06, sill - 0.04), Raw.BUILDING))
    return merge(parts)


def fence(rng: np.random.Generator, length: float) -> Mesh:
    """Picket, bar or panel fence along x at y = 0, 0.9 to 1.7 m high, with posts and rails."""
    height = rng.uniform(0.9, 1.7)
    pitch, cover = ((0.16, 0.65), (0.13, 0.35), (0.5, 0.97))[int(rng.integers(0, 3))]
    left = np.arange(-length / 2, length / 2 - pitch, pitch)
    corners = np.zeros((len(left), 4, 3))
    corners[:, :, 0] = left[:, None] + np.array([0.0, cover, 0.0, cover]) * pitch
    corners[:, 2:, 2] = height + rng.normal(0, 0.02, (len(left), 1))
    corners[:, :, 1] = rng.normal(0, 0.015, (len(left), 1))
    faces = np.arange(len(left))[:, None, None] * 4 + np.array([[0, 1, 2], [1, 3, 2]])
    pickets = surface(corners.reshape(-1, 3), faces.reshape(-1, 3), Raw.FENCE)
    posts = [
        box((0.12, 0.12, height + 0.1), (x, 0.08, height / 2), Raw.FENCE)
        for x in np.arange(-length / 2, length / 2 + 0.1, 2.5)
    ]
    rails = [box((length, 0.05, 0.08), (0, 0.05, z * height), Raw.FENCE) for z in (0.2, 0.85)]
    return merge([pickets, *posts, *rails])


def wall(rng: np.random.Generator, length: float) -> Mesh:
    """Garden wall along x at y = 0."""
    return box((length, 0.3, rng.uniform(0.6, 1.4)), (0, 0, 0.35), Raw.OTHER_STRUCTURE)


def lamp(rng: np.random.Generator) -> Mesh:
    """Street lamp whose arm reaches to y < 0."""
    height = rng.uniform(5.0, 8.0)
    return merge(
        [
            cylinder(rng.uniform(0.07, 0.12), (0, 0, -0.1), (0, 0, height), Raw.POLE),
            cylinder(0.05, (0, 0, height), (0, -1.4, height + 0.2), Raw.POLE),
            box((0.3, 0.7, 0.15), (0, -1.4, height + 0.2), Raw.POLE),
        ]
    )


def sign(rng: np.random.Generator) -> Mesh:
    """Traffic sign that faces along the street, on its post."""
    size, height = rng.uniform(0.55, 0.8), rng.uniform(1.9, 2.5)
    plate = box((0.03, size, size), (0, 0, height), Raw.TRAFFIC_SIGN, Material.RETROREFLECTIVE)
    lower = box((0.03, size, 0.35), (0, 0, height - size / 2 - 0.25), Raw.TRAFFIC_SIGN, Material.RETROREFLECTIVE)
    return merge([cylinder(0.045, (0.07, 0, -0.1), (0.07, 0, height + 0.4), Raw.POLE), plate, lower])


def clutter(rng: np.random.Generator) -> Mesh:
    """Bins, a cabinet or a bench: things the data set calls other-object."""
    kind = int(rng.integers(0, 3))
    if kind == 0:
        return merge([box((0.6, 0.7, 1.1), (x, 0, 0.55), Raw.OTHER_OBJECT, top=(1.1, 1.1)) for x in (-0.4, 0.4)])
    if kind == 1:
        return box((1.2, 0.4, 1.3), (0, 0, 0.65), Raw.OTHER_OBJECT)
    seat = box((1.6, 0.45, 0.08), (0, 0, 0.45), Raw.OTHER_OBJECT)
    return merge(
        [
            seat,
            box((1.6, 0.06, 0.5), (0, 0.2, 0.75), Raw.OTHER_OBJECT),
            *(box((0.1, 0.4, 0.45), (x, 0, 0.22), Raw.OTHER_OBJECT) for x in (-0.7, 0.7)),
        ]
    )
