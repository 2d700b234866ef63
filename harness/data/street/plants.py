"""Vegetation: crowns are clouds of small leaf triangles, which a beam may pass or meet anywhere inside."""

import numpy as np

from harness.data.street.classes import Raw
from harness.data.street.mesh import Mesh, cylinder, ellipsoid, grid_faces, merge, surface


def leaves(rng: np.random.Generator, count: int, radii: tuple[float, float, float], size: float) -> Mesh:
    """`count` randomly turned triangles of about `size` metres in an ellipsoid about the origin, denser to its rim."""
    centre = rng.standard_normal((count, 1, 3))
    centre /= np.linalg.norm(centre, axis=2, keepdims=True)
    centre *= rng.uniform(0.25, 1.0, (count, 1, 1)) ** 0.5 * np.asarray(radii)
    corners = centre + rng.normal(0.0, 0.6 * size, (count, 3, 3))
    return surface(corners.reshape(-1, 3), np.arange(3 * count).reshape(-1, 3), Raw.VEGETATION)


def tree(rng: np.random.Generator, leaf_count: int = 450) -> Mesh:
    """Trunk, a few limbs and a crown; 4 to 9 m high."""
    height, radius = rng.uniform(4.0, 9.0), rng.uniform(1.3, 2.6)
    clear = rng.uniform(1.2, 2.2)
    middle = (height + clear) / 2
    trunk = cylinder(rng.uniform(0.08, 0.17), (0, 0, -0.1), (rng.normal(0, 0.1), rng.normal(0, 0.1), middle), Raw.TRUNK)
    limbs = [
        cylinder(0.06, (0, 0, clear * 0.9), (radius * 0.6 * np.cos(a), radius * 0.6 * np.sin(a), middle), Raw.TRUNK)
        for a in rng.uniform(0, 2 * np.pi, 3)
    ]
    crown = leaves(rng, leaf_count, (radius, radius, (height - clear) / 2), 0.28)
    return merge([trunk, *limbs, crown.placed((0, 0, middle))])


def bush(rng: np.random.Generator, leaf_count: int = 160) -> Mesh:
    """Round shrub: leaves about a dented core."""
    radii = (rng.uniform(0.6, 1.6), rng.uniform(0.6, 1.4), rng.uniform(0.6, 1.3))
    core = ellipsoid((0.7 * radii[0], 0.7 * radii[1], 0.7 * radii[2]), (0, 0, 0), Raw.VEGETATION)
    return merge([core, leaves(rng, leaf_count, radii, 0.2)]).placed((0, 0, radii[2] * 0.7))


def thicket(rng: np.random.Generator, length: float, depth: float, height: float) -> Mesh:
    """Edge of a wood seen from afar: coarse leaves in a slab along x from y = 0 to `depth`, and a core behind them."""
    leaf = leaves(rng, int(3.0 * length * height), (length / 2, depth / 2, height * 0.55), 0.75)
    core = _sheet(rng, length, _upright(height * 0.75, 1.0, depth * 0.6), 0.35)
    return merge([leaf.placed((0.0, depth / 2, height * 0.45)), core])


def hedge(rng: np.random.Generator, length: float, height: float, width: float) -> Mesh:
    """Clipped hedge along x, centred: crumpled sides and top, and twigs that stick out."""
    side = _upright(height, 0.4, -width / 2)
    skin = _sheet(rng, length, np.concatenate([side, side[::-1] * np.array([-1.0, 1.0])]), 0.06)
    twigs = leaves(rng, int(14 * length), (length / 2, width * 0.62, height * 0.55), 0.14)
    return merge([skin, twigs.placed((0, 0, height * 0.5))])


def _upright(height: float, step: float, y: float) -> np.ndarray:
    """Profile [P, 2] of (y, z) that climbs from the ground to `height`."""
    z = np.linspace(0.0, height, max(2, int(height / step) + 1))
    return np.stack([np.full_like(z, y), z], 1)


def _sheet(rng: np.random.Generator, length: float, profile: np.ndarray, roughness: float) -> Mesh:
    """The profile drawn out along x every half metre, its nodes moved at random by about `roughness` metres."""
    x = np.linspace(-length / 2, length / 2, int(length / 0.5) + 2)
    nodes = np.concatenate(
        [
            np.broadcast_to(x[:, None, None], (len(x), len(profile), 1)),
            np.broadcast_to(profile, (len(x), len(profile), 2)),
        ],
        2,
    )
    nodes = nodes + rng.normal(0.0, roughness, nodes.shape) * np.array([0.5, 1.0, 0.7])
    return surface(nodes.reshape(-1, 3), grid_faces(len(x), len(profile)), Raw.VEGETATION)
