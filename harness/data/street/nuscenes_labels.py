"""The 32 categories of nuScenes-lidarseg, and the one of each class of the streets.

The names and their order were read in the category table's published colour list; that order agrees with the labels of
a real keyframe (24 driveable surface, 28 man-made, 31 ego vehicle).
"""

import numpy as np

from harness.data.street.classes import IDS, Raw, standing

CATEGORIES = {
    "noise": "Echoes of nothing",
    "animal": "Animals of every size",
    "human.pedestrian.adult": "Grown people",
    "human.pedestrian.child": "Children",
    "human.pedestrian.construction_worker": "People at work on a construction site",
    "human.pedestrian.personal_mobility": "People on small vehicles such as scooters",
    "human.pedestrian.police_officer": "Police officers on foot",
    "human.pedestrian.stroller": "Prams and pushchairs",
    "human.pedestrian.wheelchair": "Wheelchairs",
    "movable_object.barrier": "Barriers that close or guide traffic for a time",
    "movable_object.debris": "Things left on the road",
    "movable_object.pushable_pullable": "Bins, carts and the like",
    "movable_object.trafficcone": "Traffic cones",
    "static_object.bicycle_rack": "Bicycle racks and what stands in them",
    "vehicle.bicycle": "Bicycles, with their riders",
    "vehicle.bus.bendy": "Articulated buses",
    "vehicle.bus.rigid": "Buses of one body",
    "vehicle.car": "Cars and vans",
    "vehicle.construction": "Vehicles made for construction and the like",
    "vehicle.emergency.ambulance": "Ambulances",
    "vehicle.emergency.police": "Police vehicles",
    "vehicle.motorcycle": "Motorcycles, with their riders",
    "vehicle.trailer": "Trailers of every kind",
    "vehicle.truck": "Lorries",
    "flat.driveable_surface": "Ground made for vehicles",
    "flat.other": "Traffic islands and other level ground",
    "flat.sidewalk": "Ground made for people on foot",
    "flat.terrain": "Grass, soil and sand",
    "static.manmade": "Buildings, walls, fences, poles, signs",
    "static.other": "Whatever fits no other category",
    "static.vegetation": "Plants above the ground, trunks included",
    "vehicle.ego": "The recording car, and echoes that were lost",
}
"""Name and description of each category, in the order of their indexes."""

INDEX = {name: index for index, name in enumerate(CATEGORIES)}
EGO = INDEX["vehicle.ego"]

_FINE = {
    Raw.BARRIER: "movable_object.barrier",
    Raw.TRAFFIC_CONE: "movable_object.trafficcone",
    Raw.TRAILER: "vehicle.trailer",
    Raw.BENDY_BUS: "vehicle.bus.bendy",
    Raw.MOVING_BENDY_BUS: "vehicle.bus.bendy",
    Raw.CHILD: "human.pedestrian.child",
    Raw.CONSTRUCTION_WORKER: "human.pedestrian.construction_worker",
    Raw.POLICE_OFFICER: "human.pedestrian.police_officer",
}
_COARSE = {
    Raw.UNLABELED: "noise",
    Raw.OUTLIER: "noise",
    Raw.CAR: "vehicle.car",
    Raw.BICYCLE: "vehicle.bicycle",
    Raw.BUS: "vehicle.bus.rigid",
    Raw.MOTORCYCLE: "vehicle.motorcycle",
    Raw.TRUCK: "vehicle.truck",
    Raw.OTHER_VEHICLE: "vehicle.construction",
    Raw.PERSON: "human.pedestrian.adult",
    Raw.BICYCLIST: "vehicle.bicycle",
    Raw.MOTORCYCLIST: "vehicle.motorcycle",
    Raw.ROAD: "flat.driveable_surface",
    Raw.PARKING: "flat.driveable_surface",
    Raw.SIDEWALK: "flat.sidewalk",
    Raw.OTHER_GROUND: "flat.other",
    Raw.BUILDING: "static.manmade",
    Raw.FENCE: "static.manmade",
    Raw.OTHER_STRUCTURE: "static.manmade",
    Raw.LANE_MARKING: "flat.driveable_surface",
    Raw.VEGETATION: "static.vegetation",
    Raw.TRUNK: "static.vegetation",
    Raw.TERRAIN: "flat.terrain",
    Raw.POLE: "static.manmade",
    Raw.TRAFFIC_SIGN: "static.manmade",
    Raw.OTHER_OBJECT: "static.manmade",
}


def _table() -> np.ndarray:
    table = np.zeros(IDS, np.uint8)
    for raw in Raw:
        table[raw] = INDEX[_FINE.get(raw) or _COARSE[standing(raw)]]
    return table


_INDEX_OF_RAW = _table()


def to_nuscenes(labels: np.ndarray) -> np.ndarray:
    """Category index uint8 [N] of labels uint32 [N] of a mesh."""
    return np.asarray(_INDEX_OF_RAW[labels & np.uint32(0xFFFF)])
