"""A street as a function of the block: every block of 20 m can be built on its own, in any process."""

from dataclasses import dataclass

import numpy as np

from harness.data.street.classes import Raw
from harness.data.street.draws import generator
from harness.data.street.ground import BLOCK_M, Band, Side, bands, ground
from harness.data.street.mesh import Mesh, merge
from harness.data.street.objects import FURNISH, kerb_side
from harness.data.street.plot import Plot
from harness.data.street.sites import site

FIRST_BLOCK = -16
INSTANCES_PER_BLOCK = 40
_INSTANCES_PER_SIDE = 16
MOVER_INSTANCE_OFFSET = 2 * _INSTANCES_PER_SIDE


def first_instance(block: int) -> int:
    """Smallest instance id of a block: 32 ids for what stands, then 8 for the movers that are met there."""
    return 1 + (block - FIRST_BLOCK) * INSTANCES_PER_BLOCK


@dataclass(frozen=True)
class Surroundings:
    """What the streets of a data set have in common; by default those of SemanticKITTI.

    Attributes:
        extra_lane_m: how much wider each half of the road is.
        built_share: least and greatest share of plots with houses, of those that are houses or green.
    """

    extra_lane_m: float = 0.0
    built_share: tuple[float, float] = (0.32, 0.62)


SUBURB = Surroundings()


@dataclass(frozen=True)
class Street:
    """The character of a street, drawn once per sequence.

    Attributes:
        seed, sequence: the key of every draw.
        half_width_m: from the road's middle to the kerb.
        sidewalk_m: width of the pavements.
        verge_m: width of the strip of grass between kerb and pavement, where there is one.
        built_share: share of plots with houses, of those that are houses or green.
        slopes: rise of the land beyond 14 m, left and right.
        phase: shifts the regular pattern of junctions and car parks.
    """

    seed: int
    sequence: str
    half_width_m: float
    sidewalk_m: float
    verge_m: float
    built_share: float
    slopes: tuple[float, float]
    phase: int

    @classmethod
    def draw(cls, seed: int, sequence: str, surroundings: Surroundings = SUBURB) -> "Street":
        """The street of a sequence."""
        rng = generator(seed, sequence, "street")
        return cls(
            seed,
            sequence,
            half_width_m=rng.uniform(3.4, 4.6) + surroundings.extra_lane_m,
            sidewalk_m=rng.uniform(1.7, 2.6),
            verge_m=rng.uniform(0.8, 1.8),
            built_share=rng.uniform(*surroundings.built_share),
            slopes=(rng.uniform(-0.03, 0.07), rng.uniform(-0.03, 0.07)),
            phase=int(rng.integers(0, 12)),
        )

    def block(self, block: int) -> Mesh:
        """All that stands still in one block, in street coordinates."""
        salt = int(generator(self.seed, self.sequence, "bumps").integers(0, 2**62))
        sides, meshes = [], []
        for sign in (1, -1):
            rng = generator(self.seed, self.sequence, "plot", block, sign)
            kind = self._kind(block, sign, rng)
            side = Side(self._bands(kind, rng), self.slopes[0 if sign > 0 else 1], kind == "junction")
            start = first_instance(block) + (0 if sign > 0 else _INSTANCES_PER_SIDE)
            plot = Plot(block * BLOCK_M, sign, side, rng, start)
            FURNISH[kind](plot)
            site(plot, block + self.phase)
            kerb_side(plot, block + self.phase)
            sides.append(side)
            meshes += plot.meshes
        return merge([ground(block, sides[0], sides[1], salt), *meshes])

    def stretch(self, start_m: float, end_m: float, view_m: float) -> Mesh:
        """All blocks that can be seen `view_m` far between two positions of the sensor, in street coordinates."""
        first, last = (int(np.floor(s / BLOCK_M)) for s in (start_m - view_m, end_m + view_m))
        return merge([self.block(block) for block in range(first, last + 1)])

    def _kind(self, block: int, sign: int, rng: np.random.Generator) -> str:
        turn = (block + self.phase + (0 if sign > 0 else 5)) % 10
        if turn == 1:
            return "lot"
        if (block + self.phase + (0 if sign > 0 else 4)) % 7 == 3:
            return "junction"
        return "houses" if rng.random() < self.built_share else "green"

    def _bands(self, kind: str, rng: np.random.Generator) -> tuple[Band, ...]:
        road = (self.half_width_m, Raw.ROAD, 0.0, 0.004)
        walk = (self.sidewalk_m, Raw.SIDEWALK, 0.12, 0.008)
        land = (1.0, Raw.TERRAIN, 0.1, 0.07)
        if kind == "lot":
            verge, yard = (0.5, Raw.OTHER_GROUND, 0.1, 0.02), (3.5, Raw.OTHER_GROUND, 0.1, 0.03)
            return bands(road, walk, verge, (4.9, Raw.PARKING, 0.1, 0.01), yard, land)
        if kind == "houses" and rng.random() < 0.04:
            return bands(road, (2.2, Raw.PARKING, 0.03, 0.008), walk, land)
        if kind == "green" and rng.random() < 0.6:
            island = Raw.OTHER_GROUND if rng.random() < 0.29 else Raw.TERRAIN
            return bands(road, (self.verge_m, island, 0.1, 0.03), walk, land)
        return bands(road, walk, land)
