"""Count the points of two label files, pair by pair.

Ids go as they are into a histogram of pairs, and the few pairs that occur are added up by class at the end: to look up
a class for every point would cost more than to count it. Neighbours in a file mostly have the same pair, so what is
counted is runs of them by their lengths, wherever that pays.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from io import FileIO
from itertools import pairwise
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

BLOCK_POINTS = 1 << 17
"""Most points that are counted at once: a whole scan of either data set."""
PIECE_POINTS = 1 << 15
"""Most labels of a file that are read at once, to be cut down to ids while they are in a core's own cache."""
RUN_POINTS = 5
"""Points of a mean run below which counting every point is quicker than finding the runs."""


@dataclass(frozen=True)
class LabelCoding:
    """What the numbers in a data set's label files mean, in predictions and in the ground truth.

    Attributes:
        item: type of a point's label in either file: a word with the instance in its high half, or a byte.
        predicted: class 0..C of every id that may be predicted.
        true: class 0..C of every id that the ground truth may have.
        classes: C.
    """

    item: Literal["<u4", "u1"]
    predicted: Mapping[int, int]
    true: Mapping[int, int]
    classes: int

    @property
    def item_bytes(self) -> int:
        """Size of a point's label."""
        return np.dtype(self.item).itemsize


class PairCounter:
    """Counts scans, one after the other, with the same buffers. Not for two threads at once.

    Args:
        coding: of the label files.
        layers: number of parts that `count` may be told to keep apart.

    Raises:
        ValueError: the ids make more pairs than sixteen bits can tell apart.
    """

    def __init__(self, coding: LabelCoding, layers: int = 1) -> None:
        self._coding = coding
        self._layers = layers
        self._height, self._width = max(coding.predicted) + 1, max(coding.true) + 1
        # The ids of moving objects are far above the others: the rows between, more than those below, are left out.
        gaps = [(after - before - 1, before + 1) for before, after in pairwise(sorted(coding.predicted))]
        self._gap, self._gap_start = max((gap for gap in gaps if gap[0] >= gap[1]), default=(0, self._height))
        self._rows = self._height - self._gap
        if self._rows * self._width > 1 << 16:
            raise ValueError(f"{self._rows} x {self._width} pairs of ids are more than sixteen bits can tell apart")
        ids, columns = np.array(list(coding.predicted)), np.array(list(coding.true))
        rows = np.where(ids < self._gap_start, ids, ids - self._gap)
        pairs = (rows[:, None] * self._width + columns).ravel()
        pairs = (np.arange(layers)[:, None] * (self._rows * self._width) + pairs).ravel()
        self._order = np.argsort(pairs)
        self._pairs = pairs[self._order]
        self._keys = np.empty(BLOCK_POINTS, dtype=np.uint16)
        self._columns = np.empty(PIECE_POINTS, dtype=np.uint16)
        self._items = np.empty(PIECE_POINTS, dtype=coding.item)

    def count(
        self, predicted: FileIO, true: FileIO, points: int, layer: NDArray[np.uint8] | None = None
    ) -> NDArray[np.int64] | None:
        """Return the points of each pair of known ids, for `by_class`; None where some id is unknown.

        Args:
            predicted: file of `points` labels, at its beginning.
            true: file of as many.
            points: N, number of points.
            layer: [N] part of each point, below `layers`; None puts all into the first.

        Raises:
            EOFError: a file has become shorter.
            OSError: a file can't be read.
        """
        counts = np.zeros(len(self._pairs), dtype=np.int64)
        for start in range(0, points, BLOCK_POINTS):
            keys: NDArray[Any] = self._keys[: points - start]
            if not self._read_keys(predicted, true, keys):
                return None
            if layer is not None:
                keys = keys + layer[start : start + len(keys)] * np.uint32(self._rows * self._width)
            bins = _histogram(keys)
            possible = np.searchsorted(self._pairs, len(bins))
            counts[:possible] += bins[self._pairs[:possible]].astype(np.int64, copy=False)
        return counts if counts.sum() == points else None

    def by_class(self, counts: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return sums of what `count` returned as [layers, C + 1, C + 1], rows predicted, columns ground truth."""
        coding, ids = self._coding, self._coding.classes + 1
        by_id = np.empty_like(counts)
        by_id[self._order] = counts
        rows, columns = np.array(list(coding.predicted.values())), np.array(list(coding.true.values()))
        total = np.zeros((self._layers, ids * ids), dtype=np.int64)
        cells = (rows[:, None] * ids + columns).ravel()
        for layer, of_layer in zip(total, by_id.reshape(self._layers, -1), strict=True):
            np.add.at(layer, cells, of_layer)
        return total.reshape(self._layers, ids, ids)

    def _read_keys(self, predicted: FileIO, true: FileIO, keys: NDArray[np.uint16]) -> bool:
        """Fill `keys`, [N], with the number of each point's pair; False where an id can't be told from others."""
        for start in range(0, len(keys), PIECE_POINTS):
            rows = keys[start : start + PIECE_POINTS]
            columns = self._columns[: len(rows)]
            self._read_ids(predicted, rows)
            self._read_ids(true, columns)
            highest = rows.max()
            if highest >= self._height or columns.max() >= self._width:
                return False
            if highest >= self._gap_start:
                # Lower ids wrap round to the top of sixteen bits, so only those in the gap come out below its size.
                if (rows - np.uint16(self._gap_start)).min() < self._gap:
                    return False
                np.minimum(rows, rows - np.uint16(self._gap), out=rows)
            rows *= np.uint16(self._width)
            rows += columns
        return True

    def _read_ids(self, file: FileIO, ids: NDArray[np.uint16]) -> None:
        """Fill `ids`, [N], with the next labels of a file; to sixteen bits, which drops the instances."""
        items = self._items[: len(ids)]
        _fill(file, items)
        np.copyto(ids, items, casting="unsafe")


def _histogram(keys: NDArray[Any]) -> NDArray[Any]:
    """Return what `np.bincount` does of [N] keys; in float64, exact below 2**53, where they come in runs."""
    changed = keys[1:] != keys[:-1]
    if np.count_nonzero(changed) * RUN_POINTS > len(keys):
        return np.bincount(keys)
    ends = np.concatenate(([-1], np.flatnonzero(changed), [len(keys) - 1]))
    return np.bincount(keys[ends[1:]], weights=np.diff(ends))


def _fill(file: FileIO, items: NDArray[Any]) -> None:
    rest = items.data.cast("B")
    while rest:
        read = file.readinto(rest)
        if not read:
            raise EOFError
        rest = rest[read:]
