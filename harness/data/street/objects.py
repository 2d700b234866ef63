"""Things on one side of one block, put at (s, distance from the road's middle)."""

from collections.abc import Callable

import numpy as np

from harness.data.street.buildings import building, clutter, fence, lamp, sign, wall
from harness.data.street.classes import Raw
from harness.data.street.ground import BLOCK_M
from harness.data.street.mesh import Mesh
from harness.data.street.people import bicycle, motorcycle, person
from harness.data.street.plants import bush, hedge, thicket, tree
from harness.data.street.plot import Plot, edge
from harness.data.street.vehicles import bus, car, caravan, tractor, truck

_PEOPLE = (Raw.PERSON, Raw.CONSTRUCTION_WORKER, Raw.CHILD, Raw.PERSON, Raw.POLICE_OFFICER)
_LARGE: tuple[Callable[[np.random.Generator], Mesh], ...] = (truck, truck, bus, caravan, tractor)


def kerb_side(plot: Plot, block: int) -> None:
    """What stands on the pavement: lamps, signs, bins; parked cars in the bay.

    People and two-wheelers stand on the left, across the road from the recording car: each of them is met every 60 m,
    yet the share of their points stays small.
    """
    rng, walk = plot.rng, edge(plot, Raw.SIDEWALK)
    if edge(plot, Raw.PARKING) > 0 and edge(plot, Raw.PARKING) < walk:
        for slot in range(3):
            if plot.chance(0.8):
                along = (slot + 0.5) * 6.5 + rng.uniform(-0.4, 0.4)
                plot.put(car(rng), along, edge(plot, Raw.PARKING) - 1.1, np.pi * rng.integers(0, 2), thing=True)
    turn = (block + (0 if plot.sign > 0 else 3)) % 6
    if turn % 2 == 0:
        plot.put(lamp(rng), rng.uniform(0.5, 3.0), walk - 0.3)
    if turn % 3 == 1:
        plot.put(sign(rng), 15.5 + rng.uniform(0, 1.5), walk - rng.uniform(0.3, 0.6))
    if plot.sign > 0:
        thing = _pavement_thing(block, rng)
        plot.put(thing, rng.uniform(plot.free_from_m, 18), walk - rng.uniform(0.4, 0.8), rng.normal(0, 0.5), thing=True)
    if plot.chance(0.34):
        plot.put(clutter(rng), rng.uniform(2, 18), walk - 0.5)


def _pavement_thing(block: int, rng: np.random.Generator) -> Mesh:
    if block % 3 == 0:
        return person(rng, _PEOPLE[block // 3 % len(_PEOPLE)])
    return bicycle(rng) if block % 3 == 1 else motorcycle(rng)


def houses(plot: Plot) -> None:
    """Front gardens behind a fence, a hedge or a wall; a house and trees."""
    rng, walk = plot.rng, edge(plot, Raw.SIDEWALK)
    if plot.chance(0.75):
        _boundary(plot, walk + 0.25, fence_share=0.42, hedge_share=0.55)
    if plot.chance(0.6):
        plot.put(wall(rng, rng.uniform(1.5, 3.5)), rng.uniform(3, 17), walk + 0.2)
    width = rng.uniform(11.0, 17.0)
    plot.put(building(rng, width), 10 + rng.uniform(-1.5, 1.5), walk + rng.uniform(3.5, 8.0))
    for _ in range(int(rng.integers(0, 5))):
        plot.put(bush(rng), rng.uniform(1, 19), walk + rng.uniform(1.3, 3.0))
    for along in (5.0, 15.0):
        if plot.chance(0.5):
            plot.put(tree(rng), along + rng.uniform(-3, 3), walk + 2.2)
    _woods(plot, 38.0, 60.0)


def green(plot: Plot) -> None:
    """A verge with trees and shrubs, open land, a wood behind."""
    rng, walk = plot.rng, edge(plot, Raw.SIDEWALK)
    for along in (4.0, 11.0, 18.0):
        if plot.chance(0.6):
            plot.put(tree(rng), along + rng.uniform(-1.5, 1.5), walk + rng.uniform(1.0, 5.0))
        if plot.chance(0.75):
            plot.put(bush(rng), along + rng.uniform(-3, 1.5), walk + rng.uniform(1.5, 9.0))
    if plot.chance(0.4):
        _boundary(plot, walk + rng.uniform(1.0, 5.0), fence_share=0.4, hedge_share=0.57)
    _woods(plot, *((12.0, 20.0) if plot.chance(0.62) else (24.0, 45.0)))


def lot(plot: Plot) -> None:
    """A car park beside the street, with a yard behind it."""
    rng, outer = plot.rng, edge(plot, Raw.PARKING)
    for along in np.arange(2.0, 19.0, 3.0):
        if plot.chance(0.75):
            plot.put(car(rng), along, outer - 2.2, np.pi / 2 * rng.choice([-1, 1]), thing=True)
    if plot.chance(0.6):
        plot.put(_LARGE[int(rng.integers(0, len(_LARGE)))](rng), 10.0, outer + 2.5, thing=True)
    _boundary(plot, edge(plot, Raw.OTHER_GROUND) + 0.5, fence_share=0.45, hedge_share=0.55)
    _woods(plot, 24.0, 45.0)


def side_road(plot: Plot) -> None:
    """Corners of a side road, and what closes the view along it."""
    rng, walk = plot.rng, edge(plot, Raw.SIDEWALK)
    for along in (2.0, 18.0):
        if plot.chance(0.7):
            plot.put(bush(rng) if plot.chance(0.5) else tree(rng), along, walk + rng.uniform(2.0, 12.0))
    plot.put(fence(rng, 16.0), 4.6, walk + 9.0, np.pi / 2)
    plot.put(car(rng), 12.2, rng.uniform(14.0, 34.0), np.pi / 2, thing=True)
    _woods(plot, 45.0, 62.0)


FURNISH: dict[str, Callable[[Plot], None]] = {"houses": houses, "green": green, "lot": lot, "junction": side_road}
"""What is put on a plot of each kind."""


def _boundary(plot: Plot, y: float, fence_share: float, hedge_share: float) -> None:
    draw, rng = plot.rng.random(), plot.rng
    if draw < fence_share:
        plot.put(fence(rng, BLOCK_M - rng.uniform(0.0, 4.0)), BLOCK_M / 2, y)
    elif draw < fence_share + hedge_share:
        length = BLOCK_M - rng.uniform(0.5, 4.0)
        plot.put(hedge(rng, length, rng.uniform(1.0, 2.6), rng.uniform(0.6, 1.2)), BLOCK_M / 2, y + 0.5)
    else:
        plot.put(wall(rng, BLOCK_M - 2.0), BLOCK_M / 2, y)


def _woods(plot: Plot, nearest: float, farthest: float) -> None:
    y = plot.rng.uniform(nearest, farthest)
    if plot.chance(0.95):
        plot.put(thicket(plot.rng, BLOCK_M + 1.0, 5.0, plot.rng.uniform(6.0, 10.0)), BLOCK_M / 2, y)
