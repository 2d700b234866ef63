"""What moves: companions of the recording car, and traffic it meets or passes."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from harness.data.street.classes import MOVING, Raw
from harness.data.street.draws import generator
from harness.data.street.ground import BLOCK_M
from harness.data.street.mesh import Mesh, merge
from harness.data.street.people import bicyclist, motorcyclist, person
from harness.data.street.scene import MOVER_INSTANCE_OFFSET, Street, first_instance
from harness.data.street.trajectory import SCAN_PERIOD_S, Ego
from harness.data.street.vehicles import bendy_bus, bus, car, truck

_MODELS: dict[Raw, Callable[[np.random.Generator], Mesh]] = {
    Raw.CAR: car,
    Raw.BUS: bus,
    Raw.TRUCK: truck,
    Raw.BENDY_BUS: bendy_bus,
    Raw.PERSON: person,
    Raw.BICYCLIST: bicyclist,
    Raw.MOTORCYCLIST: motorcyclist,
}
_REACH_BLOCKS = 8
_FIRST_COMPANION_INSTANCE = 65_500


@dataclass(frozen=True)
class Mover:
    """Something that drives or walks along the street.

    Attributes:
        model: its mesh about its own origin, with class and instance.
        y: distance from the road's middle in metres, positive left. z: height of what it moves on.
        speed_mps: along the street; negative against the recording car.
        met_s, met_time: where and when the recording car is level with it.
    """

    model: Mesh
    y: float
    z: float
    speed_mps: float
    met_s: float
    met_time: float

    def along(self, frame: int) -> float:
        """Its s in metres at a frame."""
        return self.met_s + self.speed_mps * (frame * SCAN_PERIOD_S - self.met_time)

    def at(self, frame: int) -> Mesh:
        """Its mesh in street coordinates at a frame."""
        return self.model.placed((self.along(frame), self.y, self.z), 0.0 if self.speed_mps >= 0 else np.pi)


@dataclass(frozen=True)
class Companion:
    """A vehicle in the recording car's lane that keeps its distance within two metres.

    Attributes:
        model: its mesh about its own origin, with class and instance.
        ego: the recording car.
        gap_m: mean distance ahead of it, negative behind it.
    """

    model: Mesh
    ego: Ego
    gap_m: float

    def along(self, frame: int) -> float:
        """Its s in metres at a frame."""
        return self.ego.along(frame) + self.gap_m + 2.0 * float(np.sin(0.31 * frame * SCAN_PERIOD_S + self.gap_m))

    def at(self, frame: int) -> Mesh:
        """Its mesh in street coordinates at a frame."""
        return self.model.placed((self.along(frame), self.ego.lane_y_m, 0.0))


@dataclass(frozen=True)
class Traffic:
    """All that moves in a sequence."""

    street: Street
    ego: Ego

    def between(self, first: int, last: int) -> list[Mover | Companion]:
        """Everything that may come near the sensor in frames `first` to `last` - 1."""
        blocks = (int(self.ego.along(frame) // BLOCK_M) for frame in (first, last))
        start, end = next(blocks) - _REACH_BLOCKS, next(blocks) + _REACH_BLOCKS
        met = [mover for block in range(start, end + 1) for mover in self._met_at(block)]
        return [*self._companions(), *met]

    def _met_at(self, block: int) -> Iterator[Mover]:
        """Movers that the recording car is level with in this block."""
        rng = generator(self.street.seed, self.street.sequence, "movers", block)
        road, walk = self.street.half_width_m, self.street.half_width_m + self.street.sidewalk_m
        plan: list[tuple[Raw, float, float, float]] = []
        turn = (block + self.street.phase) % 12
        if turn % 3 == 0:
            plan.append((Raw.BICYCLIST, rng.uniform(3.0, 5.0), road - 0.6, 0.0))
        if turn == 2:
            plan.append((Raw.MOTORCYCLIST, rng.uniform(4.0, 5.0), road - 0.9, 0.0))
        if turn % 6 == 5:
            plan.append((Raw.PERSON, rng.uniform(1.0, 1.7), walk - 0.6, 0.12))
        if turn % 4 == 1:
            plan.append((Raw.CAR if rng.random() < 0.9 else Raw.TRUCK, self.ego.speed_mps, road / 2, 0.0))
        for index, (raw, speed, y, z) in enumerate(plan):
            way = 1 if raw == Raw.PERSON and rng.random() < 0.5 else -1
            s = (block + rng.uniform(0.1, 0.9)) * BLOCK_M
            model = _moving(raw, first_instance(block) + MOVER_INSTANCE_OFFSET + index, rng)
            yield Mover(model, -way * y, z, way * speed, s, s / self.ego.speed_mps)

    def _companions(self) -> Iterator[Companion]:
        """A bus ahead; a motorcyclist and a lorry behind."""
        rng = generator(self.street.seed, self.street.sequence, "companions")
        ahead = Raw.BUS if rng.random() < 0.67 else Raw.BENDY_BUS
        yield Companion(_moving(ahead, _FIRST_COMPANION_INSTANCE, rng), self.ego, rng.uniform(30, 42))
        yield Companion(_moving(Raw.TRUCK, _FIRST_COMPANION_INSTANCE + 1, rng), self.ego, -rng.uniform(34, 44))
        yield Companion(_moving(Raw.MOTORCYCLIST, _FIRST_COMPANION_INSTANCE + 2, rng), self.ego, -rng.uniform(16, 24))


def near(movers: Sequence[Mover | Companion], frame: int, s: float, view_m: float) -> Mesh:
    """Meshes at a frame of all movers within `view_m` of s, in street coordinates."""
    return merge([mover.at(frame) for mover in movers if abs(mover.along(frame) - s) < view_m])


def _moving(raw: Raw, instance: int, rng: np.random.Generator) -> Mesh:
    return _MODELS[raw](rng).with_class(MOVING[raw]).with_instance(instance)
