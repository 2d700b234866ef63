"""First hits of rays on triangles, by Embree."""

from dataclasses import dataclass

import numpy as np
from embreex import rtcore_scene
from embreex.mesh_construction import TriangleMesh


@dataclass(frozen=True)
class Hits:
    """First hit of each ray.

    Attributes:
        distance: float32 [R], metres along the ray; infinite where nothing is hit.
        face: int32 [R], index of the triangle; -1 where nothing is hit.
        cosine: float32 [R], |cosine| between the ray and the triangle's normal; 0 where nothing is hit.
    """

    distance: np.ndarray
    face: np.ndarray
    cosine: np.ndarray


class Caster:
    """Triangles committed to Embree once.

    Args:
        vertices: float [V, 3], near the origin (kept as float32).
        faces: int [F, 3].
    """

    def __init__(self, vertices: np.ndarray, faces: np.ndarray) -> None:
        self._scene = rtcore_scene.EmbreeScene()
        self._mesh = TriangleMesh(self._scene, vertices.astype(np.float32), faces.astype(np.int32))

    def cast(self, origins: np.ndarray, directions: np.ndarray) -> Hits:
        """First hits of the rays.

        Args:
            origins: float32 [R, 3].
            directions: float32 [R, 3], unit vectors.
        """
        found = self._scene.run(origins, directions, query="INTERSECT", output=True)
        face, normal = found["primID"], found["Ng"]
        length = np.sqrt(np.einsum("ij,ij->i", normal, normal))
        projected = np.abs(np.einsum("ij,ij->i", normal, directions))
        cosine = projected / np.maximum(length, np.float32(1e-12))
        distance = np.where(face >= 0, found["tfar"], np.float32(np.inf))
        return Hits(distance, face, cosine)
