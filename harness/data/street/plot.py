"""One side of one block while things are put on it."""

from dataclasses import dataclass, field

import numpy as np

from harness.data.street.classes import Raw
from harness.data.street.ground import Side
from harness.data.street.mesh import Mesh


@dataclass
class Plot:
    """One side of a block while it is being furnished.

    Attributes:
        start: s of the block's start in metres.
        sign: 1 left of the road, -1 right of it.
        side: the ground below.
        rng: draws of this plot.
        first_instance: smallest instance id that is free.
        meshes: what has been put so far, in street coordinates.
        things: instances among them.
        free_from_m: where along the block the pavement is free.
    """

    start: float
    sign: int
    side: Side
    rng: np.random.Generator
    first_instance: int
    meshes: list[Mesh] = field(default_factory=list)
    things: int = 0
    free_from_m: float = 2.0

    def put(self, mesh: Mesh, along: float, y: float, yaw: float = 0.0, thing: bool = False) -> None:
        """Put a mesh whose y axis points away from the road at `along` metres into the block, `y` from the middle."""
        if thing:
            mesh = mesh.with_instance(self.first_instance + self.things)
            self.things += 1
        turn = yaw + (0.0 if self.sign > 0 else np.pi)
        self.meshes.append(mesh.placed((self.start + along, self.sign * y, self.side.height(y) - 0.02), turn))

    def chance(self, probability: float) -> bool:
        """True with the given probability."""
        return bool(self.rng.random() < probability)


def edge(plot: Plot, raw: Raw) -> float:
    """Outer edge in metres of the outermost band of that class, 0 where there is none."""
    return max((band.outer_m for band in plot.side.bands if band.raw == raw), default=0.0)
