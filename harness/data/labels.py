"""Label maps: the class under which a raw id is scored, and the raw id that a predicted class is written as."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.errors import HarnessError

UNKNOWN = -1


@dataclass(frozen=True)
class LabelMap:
    """One task's classes. Train id 0 is ignored, 1..C are the scored classes.

    Attributes:
        name: of the task, for messages and results.
        names: class names by train id, [C + 1].
        raw_to_train: train id of every raw id that may stand in a label file.
        train_to_raw: the raw id a train id is written as, [C + 1].
        content: share of all points that each raw id has in the official training data; an id left out has no figure.
    """

    name: str
    names: tuple[str, ...]
    raw_to_train: Mapping[int, int]
    train_to_raw: tuple[int, ...]
    content: Mapping[int, float]

    @property
    def classes(self) -> int:
        """C, the number of scored classes."""
        return len(self.names) - 1

    @cached_property
    def hash(self) -> str:
        """First 12 hexadecimal digits of the SHA-256 of the map's canonical JSON."""
        text = json.dumps(asdict(self), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    def to_train(self, raw: NDArray[np.uint32], where: object) -> NDArray[np.int64]:
        """Turn label words into train ids; the class is in the low 16 bits, the instance above is dropped.

        Args:
            raw: [N] uint32 words of a label file.
            where: the file, for the message.

        Returns:
            [N] int64 in 0..C.

        Raises:
            HarnessError: some raw id is not of this map; names each with its number of points.
        """
        ids = raw & 0xFFFF
        train: NDArray[np.int64] = self._lookup[ids]
        if train.size and train.min() == UNKNOWN:
            strange, counts = np.unique(ids[train == UNKNOWN], return_counts=True)
            raise HarnessError(
                where,
                "raw ids " + _listing([f"{i} ({n} points)" for i, n in zip(strange, counts, strict=True)]),
                f"only ids of {self.name}: {', '.join(map(str, sorted(self.raw_to_train)))}",
                "The file is damaged or of another data set: fetch it again.",
            )
        return train

    def to_raw(self, train: NDArray[Any], where: object = "predictions") -> NDArray[np.uint32]:
        """Turn predicted train ids into the raw ids that the official tools read, without instances.

        Args:
            train: [N] integers in 1..C.
            where: what is converted, for the message.

        Returns:
            [N] uint32.

        Raises:
            HarnessError: an id is 0 (ignored is no prediction) or beyond C.
        """
        outside = (train < 1) | (train > self.classes)
        if outside.any():
            raise HarnessError(
                where,
                "train ids " + _listing([str(i) for i in np.unique(train[outside])]),
                f"ids 1 to {self.classes} of {self.name}, never 0",
                "Predict a scored class for every point.",
            )
        raw: NDArray[np.uint32] = np.asarray(self.train_to_raw, dtype=np.uint32)[train]
        return raw

    def __getstate__(self) -> dict[str, Any]:
        """Leave the table behind: a worker makes its own sooner than it receives half a megabyte."""
        return {key: value for key, value in self.__dict__.items() if key != "_lookup"}

    @cached_property
    def _lookup(self) -> NDArray[np.int64]:
        """[65536], train id of every possible raw id."""
        table = np.full(1 << 16, UNKNOWN, dtype=np.int64)
        table[list(self.raw_to_train)] = list(self.raw_to_train.values())
        return table


def _listing(words: list[str], most: int = 10) -> str:
    shown = ", ".join(words[:most])
    return shown if len(words) <= most else f"{shown} and {len(words) - most} more"


# fmt: off
SEMANTICKITTI = LabelMap(
    name="semantickitti",
    names=(
        "ignored", "car", "bicycle", "motorcycle", "truck", "other-vehicle", "person", "bicyclist", "motorcyclist",
        "road", "parking", "sidewalk", "other-ground", "building", "fence", "vegetation", "trunk", "terrain", "pole",
        "traffic-sign",
    ),
    raw_to_train={
        0: 0, 1: 0, 10: 1, 11: 2, 13: 5, 15: 3, 16: 5, 18: 4, 20: 5, 30: 6, 31: 7, 32: 8, 40: 9, 44: 10, 48: 11, 49: 12,
        50: 13, 51: 14, 52: 0, 60: 9, 70: 15, 71: 16, 72: 17, 80: 18, 81: 19, 99: 0,
        252: 1, 253: 7, 254: 6, 255: 8, 256: 5, 257: 5, 258: 4, 259: 5,
    },
    train_to_raw=(0, 10, 11, 15, 18, 20, 30, 31, 32, 40, 44, 48, 49, 50, 51, 70, 71, 72, 80, 81),
    content={
        0: 0.01889, 1: 0.00029, 10: 0.04082, 11: 0.000166, 13: 0.0000279, 15: 0.000398, 18: 0.002063, 20: 0.001622,
        30: 0.000177, 31: 1.1e-8, 32: 5.5e-9, 40: 0.1987, 44: 0.01472, 48: 0.1439, 49: 0.003905, 50: 0.1327,
        51: 0.07236, 52: 0.002395, 60: 0.0000471, 70: 0.2668, 71: 0.006035, 72: 0.07814, 80: 0.002855, 81: 0.000616,
        99: 0.009923, 252: 0.001789, 253: 0.000127, 254: 0.000161, 255: 0.0000375, 257: 0.0001135, 258: 0.0001016,
        259: 0.0000438,
    },
)
"""The single-scan task of SemanticKITTI: 19 classes, moving objects counted with the standing ones."""

SEMANTICKITTI_MULTISCAN = LabelMap(
    name="semantickitti-multiscan",
    names=(
        *SEMANTICKITTI.names, "moving-car", "moving-bicyclist", "moving-person", "moving-motorcyclist",
        "moving-other-vehicle", "moving-truck",
    ),
    raw_to_train={
        **SEMANTICKITTI.raw_to_train, 252: 20, 253: 21, 254: 22, 255: 23, 256: 24, 257: 24, 258: 25, 259: 24,
    },
    train_to_raw=(*SEMANTICKITTI.train_to_raw, 252, 253, 254, 255, 259, 258),
    content=SEMANTICKITTI.content,
)
# fmt: on
"""The multi-scan task of SemanticKITTI: 25 classes, by the official `semantic-kitti-all.yaml` (re-read).

Cylinder3D's released multi-scan configuration (re-read) calls moving buses and rail vehicles standing other-vehicle.
"""
