"""Triangle meshes whose faces carry a raw class, an instance and a material."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import trimesh

from harness.data.street.classes import Material, Raw

Vector = tuple[float, float, float]


@dataclass(frozen=True)
class Mesh:
    """Triangles in metres.

    Attributes:
        vertices: float64 [V, 3].
        faces: int32 [F, 3].
        labels: uint32 [F], raw class in the low 16 bits, instance in the high 16.
        materials: uint8 [F], a `Material`.
    """

    vertices: np.ndarray
    faces: np.ndarray
    labels: np.ndarray
    materials: np.ndarray

    def placed(self, position: Vector, yaw: float = 0.0, scale: float = 1.0) -> "Mesh":
        """Scaled about the origin, turned by `yaw` radians about z, then moved."""
        cos, sin = scale * np.cos(yaw), scale * np.sin(yaw)
        turn = np.array([[cos, -sin, 0.0], [sin, cos, 0.0], [0.0, 0.0, scale]])
        return replace(self, vertices=self.vertices @ turn.T + np.asarray(position))

    def with_instance(self, instance: int) -> "Mesh":
        """The same triangles, all of one instance."""
        return replace(self, labels=(self.labels & np.uint32(0xFFFF)) | np.uint32(instance << 16))

    def with_class(self, raw: Raw) -> "Mesh":
        """The same triangles, all of one class."""
        return replace(self, labels=(self.labels & np.uint32(0xFFFF0000)) | np.uint32(raw))


def surface(vertices: np.ndarray, faces: np.ndarray, raw: Raw, material: Material = Material.MATTE) -> Mesh:
    """A mesh of one class and one material."""
    labels = np.full(len(faces), int(raw), np.uint32)
    return Mesh(vertices, faces.astype(np.int32), labels, np.full(len(faces), int(material), np.uint8))


def merge(meshes: Sequence[Mesh]) -> Mesh:
    """All triangles of the meshes, in their order."""
    if not meshes:
        return Mesh(np.zeros((0, 3)), np.zeros((0, 3), np.int32), np.zeros(0, np.uint32), np.zeros(0, np.uint8))
    starts = np.cumsum([0] + [len(mesh.vertices) for mesh in meshes[:-1]])
    return Mesh(
        np.concatenate([mesh.vertices for mesh in meshes]),
        np.concatenate([mesh.faces + np.int32(start) for mesh, start in zip(meshes, starts, strict=True)]),
        np.concatenate([mesh.labels for mesh in meshes]),
        np.concatenate([mesh.materials for mesh in meshes]),
    )


def grid_faces(rows: int, columns: int) -> np.ndarray:
    """Triangles int32 [2 (rows - 1)(columns - 1), 3] of a row-major grid of vertices, two to a cell, cell by cell."""
    row, column = np.meshgrid(np.arange(rows - 1), np.arange(columns - 1), indexing="ij")
    corner = (row * columns + column).ravel()
    lower = np.stack([corner, corner + columns, corner + 1], 1)
    upper = np.stack([corner + 1, corner + columns, corner + columns + 1], 1)
    return np.stack([lower, upper], 1).reshape(-1, 3).astype(np.int32)


@cache
def _template(kind: str, detail: int) -> tuple[np.ndarray, np.ndarray]:
    """Unit solids by trimesh: box and sphere about the origin, cylinder and tube of radius 1 from z = -0.5 to 0.5."""
    solids = {
        "box": lambda: trimesh.creation.box(),
        "cylinder": lambda: trimesh.creation.cylinder(radius=1.0, height=1.0, sections=detail),
        "tube": lambda: trimesh.creation.annulus(r_min=0.86, r_max=1.0, height=1.0, sections=detail),
        "sphere": lambda: trimesh.creation.icosphere(subdivisions=detail),
    }
    solid = solids[kind]()
    return np.asarray(solid.vertices, np.float64), np.asarray(solid.faces, np.int32)


def box(
    size: Vector,
    centre: Vector,
    raw: Raw,
    material: Material = Material.MATTE,
    top: tuple[float, float] = (1.0, 1.0),
    shift: float = 0.0,
) -> Mesh:
    """Box whose top face is scaled by `top` along x and y and shifted by `shift` metres along x."""
    unit, faces = _template("box", 0)
    vertices = unit * np.asarray(size)
    upper = unit[:, 2] > 0
    vertices[upper, 0] = vertices[upper, 0] * top[0] + shift
    vertices[upper, 1] *= top[1]
    return surface(vertices + np.asarray(centre), faces, raw, material)


def cylinder(
    radius: float, start: Vector, end: Vector, raw: Raw, material: Material = Material.MATTE, kind: str = "cylinder"
) -> Mesh:
    """Cylinder (or, with kind "tube", a ring) of 10 sides between two points."""
    unit, faces = _template(kind, 10)
    axis = np.asarray(end, np.float64) - np.asarray(start)
    x, y, z = (axis / np.sqrt(axis @ axis)).tolist()
    flat = np.hypot(y, z) if abs(x) < 0.9 else np.hypot(x, y)
    first = (0.0, -z / flat, y / flat) if abs(x) < 0.9 else (y / flat, -x / flat, 0.0)
    second = (y * first[2] - z * first[1], z * first[0] - x * first[2], x * first[1] - y * first[0])
    basis = np.array([np.multiply(first, radius), np.multiply(second, radius), axis])
    return surface(unit @ basis + (np.asarray(start) + np.asarray(end)) / 2, faces, raw, material)


def ellipsoid(radii: Vector, centre: Vector, raw: Raw, detail: int = 1) -> Mesh:
    """Ellipsoid of 20 * 4^detail triangles."""
    unit, faces = _template("sphere", detail)
    return surface(unit * np.asarray(radii) + np.asarray(centre), faces, raw)
