"""Vehicles: x forward, z up from the ground under the middle of the vehicle, metres."""

import numpy as np

from harness.data.street.classes import Material, Raw
from harness.data.street.mesh import Mesh, box, cylinder, merge


def _wheels(axles: tuple[float, ...], half_width: float, radius: float, raw: Raw) -> list[Mesh]:
    return [
        cylinder(
            radius, (x, side * (half_width - 0.22), radius), (x, side * half_width, radius), raw, Material.DARK_PAINT
        )
        for x in axles
        for side in (-1, 1)
    ]


def _paint(rng: np.random.Generator) -> Material:
    return Material.DARK_PAINT if rng.random() < 0.4 else Material.MATTE


def car(rng: np.random.Generator) -> Mesh:
    """Saloon, hatchback or van with glazed cabin, wheels, mirrors and number plates."""
    length, width, body = rng.uniform(3.7, 4.8), rng.uniform(1.65, 1.85), rng.uniform(0.55, 0.68)
    cabin, back = rng.uniform(0.5, 0.75), rng.uniform(-0.55, -0.05)
    paint, mid = _paint(rng), 0.22 + body / 2
    roof = 0.22 + body + cabin
    parts = [
        box((length, width, body), (0, 0, mid), Raw.CAR, paint, top=(0.94, 0.93)),
        box((length * 0.58, width * 0.9, cabin), (back, 0, roof - cabin / 2), Raw.CAR, Material.GLASS, (0.68, 0.8)),
        box((length * 0.42, width * 0.74, 0.06), (back, 0, roof), Raw.CAR, paint),
        *(
            box((0.09, 0.05, cabin), (back + x * length, y * width * 0.41, roof - cabin / 2), Raw.CAR, paint)
            for x in (-0.06, 0.12)
            for y in (-1, 1)
        ),
        *(
            box((0.16, 0.2, 0.12), (length * 0.16, y * (width / 2 + 0.08), 0.25 + body), Raw.CAR, paint)
            for y in (-1, 1)
        ),
        *(box((0.04, 0.5, 0.12), (x * length * 0.49, 0, 0.5), Raw.CAR, Material.RETROREFLECTIVE) for x in (-1, 1)),
        *_wheels((-length * 0.3, length * 0.31), width / 2 + 0.01, 0.31, Raw.CAR),
    ]
    return merge(parts)


def truck(rng: np.random.Generator) -> Mesh:
    """Lorry: a cab, a gap and a box or flat body."""
    length, width, height = rng.uniform(6.0, 9.0), rng.uniform(2.3, 2.5), rng.uniform(2.6, 3.5)
    front, load = length / 2, length * 0.7
    return merge(
        [
            box((length - 0.4, 0.9, 0.3), (0, 0, 0.75), Raw.TRUCK, Material.DARK_PAINT),
            box((1.9, width, 1.3), (front - 0.95, 0, 1.15), Raw.TRUCK, _paint(rng)),
            box((1.8, width, 0.9), (front - 1.0, 0, 2.25), Raw.TRUCK, Material.GLASS, top=(0.85, 0.95), shift=-0.1),
            box((load, width, height - 1.0), (-front + load / 2, 0, 0.5 + (height + 1.0) / 2), Raw.TRUCK),
            *_wheels((front - 1.2, -front + 1.1, -front + 2.2), width / 2, 0.48, Raw.TRUCK),
        ]
    )


def bus(rng: np.random.Generator) -> Mesh:
    """City bus with a window band on both sides."""
    return _coach(rng.uniform(9.0, 12.0), rng.uniform(2.9, 3.2), Raw.BUS)


def bendy_bus(rng: np.random.Generator) -> Mesh:
    """Articulated bus: two rigid parts and the bellows between them."""
    height, front, rear, raw = rng.uniform(2.9, 3.2), rng.uniform(8.0, 9.0), rng.uniform(6.0, 7.0), Raw.BENDY_BUS
    return merge(
        [
            _coach(front, height, raw).placed((rear / 2 + 0.6, 0, 0)),
            _coach(rear, height, raw).placed((-front / 2 - 0.6, 0, 0)),
            box((1.3, 2.3, height - 0.4), ((rear - front) / 2, 0, 0.3 + height / 2), raw, Material.DARK_PAINT),
        ]
    )


def _coach(length: float, height: float, raw: Raw) -> Mesh:
    width = 2.5
    return merge(
        [
            box((length, width, 1.2), (0, 0, 0.9), raw),
            box((length - 0.1, width - 0.04, 1.0), (0, 0, 2.0), raw, Material.GLASS),
            box((length, width, height - 2.5), (0, 0, (height + 2.5) / 2), raw),
            *(box((0.3, width, 1.0), (x * length, 0, 2.0), raw) for x in (-0.485, -0.25, 0.0, 0.25, 0.485)),
            *_wheels((-length * 0.3, length * 0.33), width / 2, 0.48, raw),
        ]
    )


def caravan(rng: np.random.Generator) -> Mesh:
    """Caravan of one axle with its drawbar; a trailer."""
    length, raw = rng.uniform(4.2, 5.8), Raw.TRAILER
    return merge(
        [
            box((length, 2.2, 2.0), (0, 0, 1.45), raw, top=(0.92, 0.96)),
            box((1.3, 0.12, 0.1), (length / 2 + 0.55, 0, 0.5), raw, Material.DARK_PAINT),
            *_wheels((0.0,), 1.1, 0.33, raw),
        ]
    )


def tractor(rng: np.random.Generator) -> Mesh:
    """Farm tractor."""
    raw, paint = Raw.OTHER_VEHICLE, _paint(rng)
    return merge(
        [
            box((1.9, 0.8, 0.9), (1.0, 0, 1.2), raw, paint),
            box((1.5, 1.5, 1.3), (-0.6, 0, 2.0), raw, Material.GLASS, top=(0.85, 0.85)),
            box((1.4, 1.3, 0.1), (-0.6, 0, 2.7), raw),
            box((3.4, 0.7, 0.5), (0.2, 0, 0.8), raw, Material.DARK_PAINT),
            *_wheels((-0.8,), 0.95, 0.8, raw),
            *_wheels((1.5,), 0.85, 0.48, raw),
        ]
    )
