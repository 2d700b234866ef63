"""Count the points of two label files, pair by pair, in blocks that stay in the processor's cache.

Fresh arrays for every scan cost more than the counting: the kernel hands out and clears new pages each time.
"""

from __future__ import annotations

from io import FileIO
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from harness.data.input_file import unreadable
from harness.data.kitti_files import WORD_BYTES, count_words, read_whole_words, require_words
from harness.data.labels import LabelMap
from harness.errors import HarnessError

BLOCK_POINTS = 1 << 16
RAW_IDS = 1 << 16


class LabelFileCounter:
    """Counts (predicted, true) classes of scans, one scan after the other. Not for two threads at once.

    Args:
        label_map: the task's classes.
    """

    def __init__(self, label_map: LabelMap) -> None:
        self._label_map = label_map
        # Raw ids outside the map count as one more class, so that they are found without a pass of their own.
        self._ids = label_map.classes + 2
        self._column = torch.full((RAW_IDS,), self._ids - 1, dtype=torch.int16)
        for raw, train in label_map.raw_to_train.items():
            self._column[raw] = train
        self._row = self._column * self._ids
        self._words = np.empty(BLOCK_POINTS, dtype=np.int32)
        self._pairs, self._columns = np.empty((2, BLOCK_POINTS), dtype=np.int16)

    def count(self, prediction: Path, truth: Path) -> NDArray[np.int64]:
        """Return the [C + 1, C + 1] counts of one scan, rows predicted, columns ground truth.

        Args:
            prediction: file of N uint32 words, raw class in the low 16 bits.
            truth: file of N such words.

        Raises:
            HarnessError: a file can't be read, the files differ in length, or a raw id is not of the label map.
        """
        points = count_words(truth)
        require_words(prediction, points, "Write one raw id for every point of the scan, in its order.")
        counts = np.zeros((self._ids, self._ids), dtype=np.int64)
        with _open(prediction) as predicted, _open(truth) as true:
            for start in range(0, points, BLOCK_POINTS):
                counts += self._count_block(predicted, true, min(BLOCK_POINTS, points - start))
        if counts[-1].any():
            self._label_map.to_train(read_whole_words(prediction), prediction)
        if counts[:, -1].any():
            self._label_map.to_train(read_whole_words(truth), truth)
        return counts[:-1, :-1]

    def _count_block(self, predicted: FileIO, true: FileIO, points: int) -> NDArray[np.int64]:
        words, pairs, columns = self._words[:points], self._pairs[:points], self._columns[:points]
        _read_raw_ids(predicted, words)
        _look_up(self._row, words, pairs)
        _read_raw_ids(true, words)
        _look_up(self._column, words, columns)
        pairs += columns
        counts: NDArray[np.int64] = torch.bincount(torch.from_numpy(pairs), minlength=self._ids**2).numpy()
        return counts.reshape(self._ids, self._ids)


def _look_up(table: Tensor, indices: NDArray[np.int32], out: NDArray[np.int16]) -> None:
    """Gather with torch, which takes 32-bit indices as they are; NumPy would first widen them in a fresh array."""
    torch.index_select(table, 0, torch.from_numpy(indices), out=torch.from_numpy(out))


def _open(path: Path) -> FileIO:
    try:
        return path.open("rb", buffering=0)
    except OSError as error:
        raise unreadable(path, error) from error


def _read_raw_ids(file: FileIO, words: NDArray[np.int32]) -> None:
    """Fill `words`, [N], from a file and strip them of the instances in the high 16 bits."""
    wanted = len(words) * WORD_BYTES
    try:
        read = file.readinto(words.data.cast("B"))
    except OSError as error:
        raise unreadable(Path(str(file.name)), error) from error
    if read != wanted:
        raise HarnessError(file.name, f"{read} bytes", f"{wanted} more bytes", "Don't change the files meanwhile.")
    np.bitwise_and(words, 0xFFFF, out=words)
