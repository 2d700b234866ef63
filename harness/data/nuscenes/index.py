"""The lidar keyframes of a version: what is left of its tables when all else is dropped."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any, NamedTuple

from harness.data.nuscenes.pose import Pose

POINTS_FOLDER = "samples/LIDAR_TOP"
_PLAIN = ("scene", "sample", "points", "labels", "timestamp_us")
_POSES = ("sensor", "ego")


class Keyframe(NamedTuple):
    """A scan of the lidar that has labels, or would have in the test set.

    Attributes:
        scene: its name.
        sample: token of the sample.
        points: file of the points, below the root.
        labels: file of the labels, below the root; None in the test set.
        timestamp_us: when it was complete, in microseconds.
        sensor: pose of the sensor on the vehicle.
        ego: pose of the vehicle in the world.
    """

    scene: str
    sample: str
    points: str
    labels: str | None
    timestamp_us: int
    sensor: Pose
    ego: Pose


@dataclass(frozen=True)
class Index:
    """The lidar keyframes of a version, in order of scene and time.

    They are kept in columns: a list of 34 149 objects takes most of a second to load.

    Attributes:
        tokens: of the keyframes' rows in sample_data.
        columns: what `Keyframe` has, each a list of as many values.
        digests: SHA-256 of the tables, by file name.
    """

    tokens: list[str]
    columns: dict[str, list[Any]]
    digests: dict[str, str]

    @classmethod
    def of(cls, keyframes: Mapping[str, Keyframe], digests: dict[str, str]) -> Index:
        """Order keyframes by scene and time and lay them out."""
        ordered = sorted(keyframes.items(), key=lambda item: (item[1].scene, item[1].timestamp_us, item[0]))
        columns = {name: [getattr(keyframe, name) for _, keyframe in ordered] for name in _PLAIN}
        for name in _POSES:
            poses = [getattr(keyframe, name) for _, keyframe in ordered]
            columns[name] = [value for pose in poses for part in pose for value in part]
        return cls([token for token, _ in ordered], columns, digests)

    def find(self, token: str) -> Keyframe | None:
        """Return a keyframe by its token; None where there is none."""
        place = self._places.get(token)
        if place is None:
            return None
        scene, sample, points, labels, timestamp_us = (self.columns[name][place] for name in _PLAIN)
        sensor, ego = (self._pose(name, place) for name in _POSES)
        return Keyframe(scene, sample, points, labels, timestamp_us, sensor, ego)

    def _pose(self, name: str, place: int) -> Pose:
        w, x, y, z, east, north, up = self.columns[name][7 * place : 7 * place + 7]
        return Pose((w, x, y, z), (east, north, up))

    @cached_property
    def scenes(self) -> dict[str, range]:
        """Places of each scene's keyframes in the columns; scenes in order of name."""
        ends = [*(i for i, (a, b) in enumerate(pairwise(self.columns["scene"]), 1) if a != b), len(self.tokens)]
        starts = [0, *ends[:-1]]
        return {self.columns["scene"][a]: range(a, b) for a, b in zip(starts, ends, strict=True) if b}

    @cached_property
    def _places(self) -> dict[str, int]:
        return {token: place for place, token in enumerate(self.tokens)}
