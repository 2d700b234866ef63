"""Counting one scan's predictions on a tensor, against the arithmetic of the official scripts and a loop over classes.

The official ones in our words: `np.add.at` on stacked ids, once for a scan, and by distance once for each of the five
bands on the points in it. Both count into what is already there, and so do we, bands included. The loop counts just
what an IoU needs, three numbers a class. The ratios stand in `extra_info`; `official` counts no bands.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from pytest_benchmark.fixture import BenchmarkFixture
from torch import Tensor
from turns import compare

from harness.evaluate.confusion import BANDS, EvaluationCounts
from harness.evaluate.distance import BANDS_M, band_of_tensor

POINTS, CLASSES = 120_000, 19
SCAN = "08/000000"


class Scan(NamedTuple):
    """Points of a scan, [N, 3] and [N]."""

    xyz: Tensor
    predicted: Tensor
    true: Tensor


@pytest.fixture(scope="module")
def scan() -> Scan:
    """Runs of equal labels and nine of ten points right, as in real files."""
    draw = np.random.default_rng(0)
    true = np.repeat(draw.integers(0, CLASSES + 1, POINTS // 20), 20)
    predicted = np.where(draw.random(POINTS) < 0.9, np.maximum(true, 1), draw.integers(1, CLASSES + 1, POINTS))
    xyz = draw.normal(0, 15, (POINTS, 3)).astype(np.float32)
    return Scan(*map(torch.from_numpy, (xyz, predicted, true)))


def official(counts: NDArray[np.int64], scan: Scan) -> None:
    np.add.at(counts, tuple(np.stack((scan.predicted.numpy(), scan.true.numpy()))), 1)


def official_by_distance(counts: NDArray[np.int64], scan: Scan) -> None:
    predicted, true = scan.predicted.numpy(), scan.true.numpy()
    depth = np.linalg.norm(scan.xyz.numpy(), 2, axis=1)
    for band, (above, below) in enumerate(BANDS_M):
        inside = np.logical_and(depth > above, depth < below)
        np.add.at(counts[band], tuple(np.stack((predicted[inside], true[inside]))), 1)


def loop_over_classes(sums: NDArray[np.int64], scan: Scan) -> None:
    predicted, true = scan.predicted.numpy(), scan.true.numpy()
    scored = true > 0
    for c in range(1, CLASSES + 1):
        hit, there = predicted == c, true == c
        sums[:, c] += (hit & there).sum(), (hit & scored).sum(), there.sum()


@pytest.mark.parametrize("device", ["cpu", "cuda"])
@pytest.mark.usefixtures("one_thread")
def test_counting_a_scan(benchmark: BenchmarkFixture, scan: Scan, device: str) -> None:
    """Five bands of distance and one for the rest, in one pass."""
    if device == "cuda" and not torch.cuda.is_available():
        pytest.skip("torch sees no GPU")
    xyz, predicted, true = (tensor.to(device) for tensor in scan)
    ours, ids = EvaluationCounts([SCAN], CLASSES, device), CLASSES + 1
    plain, bands, sums = (np.zeros(shape, np.int64) for shape in ((ids, ids), (BANDS, ids, ids), (3, ids)))

    def count() -> None:
        ours.add(SCAN, predicted, true, band_of_tensor(xyz))
        if device == "cuda":
            torch.cuda.synchronize()

    rivals = {
        "official": lambda: official(plain, scan),
        "official_by_distance": lambda: official_by_distance(bands, scan),
        "loop_over_classes": lambda: loop_over_classes(sums, scan),
    }
    for work in (count, *rivals.values()):
        work()
    found = ours.counts[0].cpu().numpy()
    assert np.array_equal(found[:-1], bands[:-1])
    assert np.array_equal(found.sum(0), plain)
    assert np.array_equal([np.diag(plain)[1:], plain[1:, 1:].sum(1), plain.sum(0)[1:]], sums[:, 1:])
    compare(benchmark, count, rivals)
