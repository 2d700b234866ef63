"""Roadworks and what is parked about them: x along the street, z up from the ground, metres."""

import numpy as np

from harness.data.street.classes import Material, Raw
from harness.data.street.mesh import Mesh, box, cylinder, merge


def cone(rng: np.random.Generator) -> Mesh:
    """Traffic cone of 0.5 to 0.9 m on its foot, with a reflecting collar."""
    height, raw = rng.uniform(0.5, 0.9), Raw.TRAFFIC_CONE
    return merge(
        [
            box((0.4, 0.4, 0.05), (0, 0, 0.025), raw, Material.DARK_PAINT),
            box((0.3, 0.3, height), (0, 0, height / 2), raw, top=(0.2, 0.2)),
            box((0.2, 0.2, 0.15), (0, 0, 0.6 * height), raw, Material.RETROREFLECTIVE, top=(0.75, 0.75)),
        ]
    )


def barrier(rng: np.random.Generator) -> Mesh:
    """Water-filled barrier along x: a broad foot below a narrow upper part."""
    length, height, raw = rng.uniform(1.1, 1.5), rng.uniform(0.6, 0.8), Raw.BARRIER
    return merge(
        [
            box((length, 0.42, 0.25), (0, 0, 0.125), raw, top=(1.0, 0.5)),
            box((length, 0.21, height - 0.25), (0, 0, (height + 0.25) / 2), raw, top=(1.0, 0.7)),
        ]
    )


def excavator(rng: np.random.Generator) -> Mesh:
    """Mini excavator: crawlers, blade, engine, a canopy on four posts, boom, arm and bucket."""
    raw, reach = Raw.CONSTRUCTION_VEHICLE, rng.uniform(1.4, 1.9)
    posts = [cylinder(0.035, (x, y, 0.9), (x, y, 2.25), raw) for x in (-0.55, 0.35) for y in (-0.4, 0.4)]
    return merge(
        [
            *(box((1.5, 0.24, 0.4), (0, y, 0.2), raw, Material.DARK_PAINT, top=(0.85, 1.0)) for y in (-0.43, 0.43)),
            box((0.06, 1.1, 0.28), (-1.0, 0, 0.2), raw),
            box((1.3, 0.95, 0.45), (-0.15, 0, 0.68), raw),
            box((0.3, 0.45, 0.5), (-0.2, 0, 1.1), raw, Material.DARK_PAINT),
            box((1.0, 0.9, 0.06), (-0.1, 0, 2.28), raw),
            *posts,
            cylinder(0.09, (0.5, 0, 0.8), (reach, 0, 1.9), raw),
            cylinder(0.08, (reach, 0, 1.9), (reach + 0.4, 0, 0.7), raw),
            box((0.35, 0.45, 0.4), (reach + 0.35, 0, 0.55), raw, Material.DARK_PAINT),
        ]
    )


def trailer(rng: np.random.Generator) -> Mesh:
    """Light goods trailer of one axle: a low open box, wheels, drawbar and jockey wheel."""
    length, width, wall, raw = rng.uniform(1.9, 2.5), rng.uniform(1.15, 1.35), rng.uniform(0.35, 0.6), Raw.TRAILER
    middle = 0.55 + wall / 2
    return merge(
        [
            box((length, width, 0.1), (0, 0, 0.5), raw, Material.DARK_PAINT),
            *(box((length, 0.04, wall), (0, y * width / 2, middle), raw) for y in (-1, 1)),
            *(box((0.04, width, wall), (x * length / 2, 0, middle), raw) for x in (-1, 1)),
            box((1.1, 0.09, 0.09), (length / 2 + 0.55, 0, 0.45), raw, Material.DARK_PAINT),
            cylinder(0.03, (length / 2 + 0.8, 0.1, 0.0), (length / 2 + 0.8, 0.1, 0.7), raw),
            *(
                cylinder(0.28, (0, y * (width / 2 + 0.05), 0.28), (0, y * (width / 2 + 0.2), 0.28), raw)
                for y in (-1, 1)
            ),
            *(
                box((0.03, 0.25, 0.1), (-length / 2 - 0.02, y * 0.4, 0.5), raw, Material.RETROREFLECTIVE)
                for y in (-1, 1)
            ),
        ]
    )
