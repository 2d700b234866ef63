"""People and two-wheelers: x forward, z up from the ground, metres."""

import numpy as np

from harness.data.street.classes import Material, Raw
from harness.data.street.mesh import Mesh, box, cylinder, ellipsoid, merge


def person(rng: np.random.Generator, raw: Raw = Raw.PERSON) -> Mesh:
    """Standing or striding adult of 1.55 to 1.9 m, or a child two thirds as tall."""
    stride = rng.uniform(0.0, 0.3)
    body = merge(
        [
            cylinder(0.09, (stride, 0.1, 0.0), (0, 0.09, 0.85), raw),
            cylinder(0.09, (-stride, -0.1, 0.0), (0, -0.09, 0.85), raw),
            box((0.24, 0.4, 0.62), (0, 0, 1.14), raw, top=(1.05, 1.15)),
            cylinder(0.055, (-stride * 0.8, 0.26, 0.85), (0, 0.24, 1.42), raw),
            cylinder(0.055, (stride * 0.8, -0.26, 0.85), (0, -0.24, 1.42), raw),
            ellipsoid((0.1, 0.09, 0.13), (0, 0, 1.6), raw),
        ]
    )
    return body.placed((0, 0, 0), scale=rng.uniform(0.9, 1.1) * (0.67 if raw == Raw.CHILD else 1.0))


def _rider(raw: Raw, seat: float, lean: float) -> list[Mesh]:
    return [
        box((0.24, 0.38, 0.6), (lean / 2 - 0.1, 0, seat + 0.32), raw, shift=lean),
        ellipsoid((0.12, 0.11, 0.14), (lean + 0.02, 0, seat + 0.78), raw),
        *(cylinder(0.05, (lean - 0.05, y * 0.2, seat + 0.52), (0.45, y * 0.24, seat + 0.14), raw) for y in (-1, 1)),
        *(cylinder(0.08, (-0.12, y * 0.12, seat + 0.02), (0.18, y * 0.12, seat - 0.3), raw) for y in (-1, 1)),
        *(cylinder(0.06, (0.18, y * 0.12, seat - 0.3), (0.02, y * 0.12, seat - 0.68), raw) for y in (-1, 1)),
    ]


def bicycle(rng: np.random.Generator, raw: Raw = Raw.BICYCLE) -> Mesh:
    """Two wheels, a diamond frame, handlebar, saddle, and now and then a basket."""
    wheels = [cylinder(0.34, (x, -0.03, 0.34), (x, 0.03, 0.34), raw, kind="tube") for x in (-0.52, 0.52)]
    tubes = [
        ((-0.52, 0, 0.34), (-0.05, 0, 0.3)),
        ((-0.05, 0, 0.3), (-0.2, 0, 0.9)),
        ((-0.2, 0, 0.8), (0.38, 0, 0.85)),
        ((-0.05, 0, 0.3), (0.38, 0, 0.8)),
        ((0.52, 0, 0.34), (0.36, 0, 1.02)),
        ((-0.52, 0, 0.34), (-0.2, 0, 0.8)),
        ((0.36, -0.28, 1.02), (0.36, 0.28, 1.02)),
    ]
    frame = [cylinder(0.03, start, end, raw) for start, end in tubes]
    basket = [box((0.3, 0.35, 0.25), (0.6, 0, 0.9), raw)] if rng.random() < 0.5 else []
    return merge([*wheels, *frame, box((0.26, 0.18, 0.08), (-0.22, 0, 0.95), raw), *basket])


def bicyclist(rng: np.random.Generator) -> Mesh:
    """A rider on a bicycle; both carry the rider's class, as in the data set."""
    return merge([bicycle(rng, Raw.BICYCLIST), *_rider(Raw.BICYCLIST, 0.98, 0.2)])


def motorcycle(rng: np.random.Generator, raw: Raw = Raw.MOTORCYCLE) -> Mesh:
    """Two fat wheels, engine block, tank, seat, fork and handlebar."""
    paint = Material.DARK_PAINT if rng.random() < 0.5 else Material.MATTE
    return merge(
        [
            *(cylinder(0.31, (x, -0.07, 0.31), (x, 0.07, 0.31), raw, Material.DARK_PAINT) for x in (-0.68, 0.7)),
            box((0.65, 0.36, 0.4), (0.0, 0, 0.48), raw),
            box((0.55, 0.3, 0.26), (0.14, 0, 0.8), raw, paint),
            box((0.75, 0.28, 0.14), (-0.45, 0, 0.8), raw, paint),
            cylinder(0.05, (0.7, 0, 0.31), (0.42, 0, 1.0), raw),
            cylinder(0.03, (0.42, -0.36, 1.02), (0.42, 0.36, 1.02), raw),
            box((0.12, 0.3, 0.3), (0.55, 0, 0.95), raw, paint),
        ]
    )


def motorcyclist(rng: np.random.Generator) -> Mesh:
    """A rider on a motorcycle; both carry the rider's class."""
    return merge([motorcycle(rng, Raw.MOTORCYCLIST), *_rider(Raw.MOTORCYCLIST, 0.88, 0.12)])
