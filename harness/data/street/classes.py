"""The classes a synthetic street is made of, and the surfaces that reflect unlike their class."""

from enum import IntEnum

import numpy as np


class Raw(IntEnum):
    """Class ids in the low 16 bits of a mesh's labels.

    Below 300 they are SemanticKITTI's raw ids; from 300 on they are kinds of the streets' own, finer than those, which
    no file holds: each writer turns every id into one of its data set.
    """

    UNLABELED = 0
    OUTLIER = 1
    CAR = 10
    BICYCLE = 11
    BUS = 13
    MOTORCYCLE = 15
    TRUCK = 18
    OTHER_VEHICLE = 20
    PERSON = 30
    BICYCLIST = 31
    MOTORCYCLIST = 32
    ROAD = 40
    PARKING = 44
    SIDEWALK = 48
    OTHER_GROUND = 49
    BUILDING = 50
    FENCE = 51
    OTHER_STRUCTURE = 52
    LANE_MARKING = 60
    VEGETATION = 70
    TRUNK = 71
    TERRAIN = 72
    POLE = 80
    TRAFFIC_SIGN = 81
    OTHER_OBJECT = 99
    MOVING_CAR = 252
    MOVING_BICYCLIST = 253
    MOVING_PERSON = 254
    MOVING_MOTORCYCLIST = 255
    MOVING_BUS = 257
    MOVING_TRUCK = 258
    MOVING_OTHER_VEHICLE = 259
    BARRIER = 300
    TRAFFIC_CONE = 301
    CONSTRUCTION_VEHICLE = 302
    TRAILER = 303
    BENDY_BUS = 304
    MOVING_BENDY_BUS = 305
    CHILD = 306
    CONSTRUCTION_WORKER = 307
    POLICE_OFFICER = 308


IDS = 309
"""One more than the largest id: the length of a table by id."""

COARSE = {
    Raw.BARRIER: Raw.OTHER_OBJECT,
    Raw.TRAFFIC_CONE: Raw.OTHER_OBJECT,
    Raw.CONSTRUCTION_VEHICLE: Raw.OTHER_VEHICLE,
    Raw.TRAILER: Raw.OTHER_VEHICLE,
    Raw.BENDY_BUS: Raw.BUS,
    Raw.MOVING_BENDY_BUS: Raw.MOVING_BUS,
    Raw.CHILD: Raw.PERSON,
    Raw.CONSTRUCTION_WORKER: Raw.PERSON,
    Raw.POLICE_OFFICER: Raw.PERSON,
}
"""SemanticKITTI's raw id of each finer kind."""

MOVING = {
    Raw.CAR: Raw.MOVING_CAR,
    Raw.BUS: Raw.MOVING_BUS,
    Raw.BENDY_BUS: Raw.MOVING_BENDY_BUS,
    Raw.TRUCK: Raw.MOVING_TRUCK,
    Raw.OTHER_VEHICLE: Raw.MOVING_OTHER_VEHICLE,
    Raw.PERSON: Raw.MOVING_PERSON,
    Raw.BICYCLIST: Raw.MOVING_BICYCLIST,
    Raw.MOTORCYCLIST: Raw.MOVING_MOTORCYCLIST,
}
"""What a class is called once it moves between two scans."""

_STANDING = {moving: raw for raw, moving in MOVING.items()}
_SEMANTICKITTI_RAW = np.arange(IDS, dtype=np.uint32)
_SEMANTICKITTI_RAW[list(COARSE)] = list(COARSE.values())


def to_semantickitti(labels: np.ndarray) -> np.ndarray:
    """Labels uint32 [N] of a mesh with SemanticKITTI's raw ids in place of the finer ones; instances stay."""
    return np.asarray(labels & np.uint32(0xFFFF0000) | _SEMANTICKITTI_RAW[labels & np.uint32(0xFFFF)])


def standing(raw: Raw) -> Raw:
    """SemanticKITTI's class of an id, standing still: what it looks like to the laser."""
    coarse = COARSE.get(raw, raw)
    return _STANDING.get(coarse, coarse)


class Material(IntEnum):
    """How a surface answers the laser, where that differs within one class."""

    MATTE = 0
    GLASS = 1
    DARK_PAINT = 2
    RETROREFLECTIVE = 3
