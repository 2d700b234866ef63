"""The sixteen scored classes of nuScenes-lidarseg, by the names of its 32 categories.

The ids in the label files are those that ``category.json`` gives to the names. Published lists of ids disagree, so that
none is used here.
"""

from __future__ import annotations

from pathlib import Path

from harness.data.labels import LabelMap
from harness.data.nuscenes.rows import CATEGORIES
from harness.data.nuscenes.table_set import TableSet
from harness.errors import HarnessError

UNPACK = "Unpack nuScenes-lidarseg over the data set: its category.json has an index for every name."

NAMES = (
    "ignored", "barrier", "bicycle", "bus", "car", "construction_vehicle", "motorcycle", "pedestrian", "traffic_cone",
    "trailer", "truck", "driveable_surface", "other_flat", "sidewalk", "terrain", "manmade", "vegetation",
)  # fmt: skip
"""Class names by train id, which is also the id that predictions are written as: [17]."""

CLASS_OF: dict[str, str] = {
    "movable_object.barrier": "barrier",
    "vehicle.bicycle": "bicycle",
    "vehicle.bus.bendy": "bus",
    "vehicle.bus.rigid": "bus",
    "vehicle.car": "car",
    "vehicle.construction": "construction_vehicle",
    "vehicle.motorcycle": "motorcycle",
    "human.pedestrian.adult": "pedestrian",
    "human.pedestrian.child": "pedestrian",
    "human.pedestrian.construction_worker": "pedestrian",
    "human.pedestrian.police_officer": "pedestrian",
    "movable_object.trafficcone": "traffic_cone",
    "vehicle.trailer": "trailer",
    "vehicle.truck": "truck",
    "flat.driveable_surface": "driveable_surface",
    "flat.other": "other_flat",
    "flat.sidewalk": "sidewalk",
    "flat.terrain": "terrain",
    "static.manmade": "manmade",
    "static.vegetation": "vegetation",
    **dict.fromkeys(
        (
            "noise", "animal", "human.pedestrian.personal_mobility", "human.pedestrian.stroller",
            "human.pedestrian.wheelchair", "movable_object.debris", "movable_object.pushable_pullable",
            "static_object.bicycle_rack", "vehicle.emergency.ambulance", "vehicle.emergency.police", "static.other",
            "vehicle.ego",
        ),
        "ignored",
    ),
}  # fmt: skip
"""Class of each category, as `LidarsegClassMapper` of the devkit has it (re-read; a test compares all of them)."""


def read_label_map(folder: Path) -> LabelMap:
    """Make the label map of a copy.

    Args:
        folder: of the version's tables.

    Returns:
        A map whose `train_to_raw` is the identity: the leaderboard takes train ids. Its `content` is empty, for there
        is no official table of the classes' shares.

    Raises:
        HarnessError: ``category.json`` is missing or damaged; a category has no index, or that of another; a name is
            unknown or a known one is missing.
    """
    tables = TableSet(folder)
    index_of: dict[str, int] = {}
    name_of: dict[int, str] = {}
    for row in tables.read("category", CATEGORIES):
        name, index = row["name"], row.get("index")
        if name not in CLASS_OF:
            found = "a category without a class"
            raise HarnessError(tables.where("category", name), found, f"one of {', '.join(sorted(CLASS_OF))}", UNPACK)
        if index is None:
            raise HarnessError(
                tables.where("category", name), "no index", "the id that label files have for it", UNPACK
            )
        tables.once("category", name, index_of, "name")
        if index in name_of:
            found = f"index {index}, which {name_of[index]} has too"
            raise HarnessError(tables.where("category", name), found, "an index for each category", UNPACK)
        index_of[name], name_of[index] = index, name
    lacking = [name for name in CLASS_OF if name not in index_of]
    if lacking:
        found = f"no category {', '.join(lacking[:5])} ({len(lacking)} missing)"
        raise HarnessError(tables.path("category"), found, f"the {len(CLASS_OF)} categories of lidarseg", UNPACK)
    train_ids = {index: NAMES.index(CLASS_OF[name]) for name, index in index_of.items()}
    return LabelMap("nuscenes", NAMES, train_ids, tuple(range(len(NAMES))), content={})
