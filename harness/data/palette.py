"""Colours of the classes in pictures and pages."""

from __future__ import annotations

from collections.abc import Sequence

Colour = tuple[int, int, int]
"""Red, green, blue, 0 to 255."""

COLOUR_OF_CLASS: dict[str, Colour] = {
    "ignored": (170, 170, 170),
    "car": (60, 110, 240),
    "bicycle": (70, 200, 230),
    "motorcycle": (20, 40, 140),
    "truck": (110, 40, 170),
    "other-vehicle": (40, 150, 250),
    "person": (230, 30, 40),
    "bicyclist": (250, 60, 190),
    "motorcyclist": (150, 20, 90),
    "road": (120, 90, 130),
    "parking": (235, 150, 235),
    "sidewalk": (205, 160, 195),
    "other-ground": (175, 25, 70),
    "building": (250, 195, 20),
    "fence": (250, 120, 60),
    "vegetation": (30, 150, 40),
    "trunk": (120, 70, 30),
    "terrain": (150, 210, 90),
    "pole": (215, 210, 130),
    "traffic-sign": (190, 20, 20),
    # moving things of the multi-scan task: lighter than those that stand
    "moving-car": (130, 165, 250),
    "moving-bicyclist": (255, 200, 200),
    "moving-person": (250, 120, 125),
    "moving-motorcyclist": (200, 90, 150),
    "moving-other-vehicle": (150, 225, 255),
    "moving-truck": (165, 105, 215),
    # nuScenes, where its names are others
    "barrier": (112, 128, 144),
    "bus": (255, 127, 80),
    "construction_vehicle": (233, 150, 70),
    "pedestrian": (230, 30, 40),
    "traffic_cone": (47, 79, 79),
    "trailer": (255, 140, 0),
    "driveable_surface": (120, 90, 130),
    "other_flat": (175, 25, 70),
    "manmade": (250, 195, 20),
}
"""By class name, the same in every data set; chosen so that neighbours in a street stay apart on white."""


def palette(class_names: Sequence[str]) -> dict[int, Colour]:
    """Return the colour of each train id.

    Args:
        class_names: by train id, [C + 1]; those of a data set that the harness knows.
    """
    return {train_id: COLOUR_OF_CLASS[name] for train_id, name in enumerate(class_names)}
