"""Scans scored per second, against the arithmetic of the official script, on the same files in the same run.

The rival does for each scan what the official script does, in our words: two table look-ups, then `np.add.at` on the
stacked ids.
"""

import time
from pathlib import Path

import numpy as np
import pytest

from harness.data.labels import SEMANTICKITTI
from harness.data.semantickitti import SemanticKitti
from harness.evaluate.predictions import evaluate_predictions

SCANS, POINTS = 200, 120_000


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A copy and a folder of predictions; runs of equal labels and nine of ten points right, as in real files."""
    draw = np.random.default_rng(0)
    root, predictions = tmp_path_factory.mktemp("copy"), tmp_path_factory.mktemp("predictions")
    raw = np.array(sorted(SEMANTICKITTI.raw_to_train), dtype=np.uint32)
    folders = [root / "sequences/08" / name for name in ("velodyne", "labels")]
    folders.append(predictions / "sequences/08/predictions")
    for folder in folders:
        folder.mkdir(parents=True)
    for frame in range(SCANS):
        true = np.repeat(draw.choice(raw, POINTS // 20), 20)
        predicted = np.where(draw.random(POINTS) < 0.9, true, draw.choice(raw, POINTS))
        (folders[0] / f"{frame:06d}.bin").touch()
        (true | 7 << 16).astype("<u4").tofile(folders[1] / f"{frame:06d}.label")
        predicted.astype("<u4").tofile(folders[2] / f"{frame:06d}.label")
    return root, predictions


def rival(root: Path, predictions: Path) -> np.ndarray:
    table = np.zeros(max(SEMANTICKITTI.raw_to_train) + 100, dtype=np.int32)
    table[list(SEMANTICKITTI.raw_to_train)] = list(SEMANTICKITTI.raw_to_train.values())
    counts = np.zeros((20, 20), dtype=np.int64)
    truths = sorted((root / "sequences/08/labels").iterdir())
    guesses = sorted((predictions / "sequences/08/predictions").iterdir())
    for truth, guess in zip(truths, guesses, strict=True):
        true = table[np.fromfile(truth, dtype=np.int32) & 0xFFFF]
        predicted = table[np.fromfile(guess, dtype=np.int32) & 0xFFFF]
        np.add.at(counts, tuple(np.stack((predicted, true))), 1)
    return counts


def ours(root: Path, predictions: Path, workers: int) -> np.ndarray:
    dataset = SemanticKitti(root, partial=True)
    return evaluate_predictions(predictions, dataset, "val", workers=workers).confusion


@pytest.mark.benchmark(group="evaluate 200 scans of 120 k points")
@pytest.mark.parametrize("name", ["ours, 1 thread", "ours, 2 threads", "rival: official arithmetic"])
def test_bench_evaluate(benchmark, files: tuple[Path, Path], name: str) -> None:
    run = {
        "ours, 1 thread": lambda: ours(*files, workers=1),
        "ours, 2 threads": lambda: ours(*files, workers=2),
        "rival: official arithmetic": lambda: rival(*files),
    }[name]
    benchmark.extra_info["scans"] = SCANS
    assert benchmark(run).sum() == SCANS * POINTS


@pytest.mark.benchmark(group="evaluate 200 scans of 120 k points")
def test_bench_ratio(benchmark, files: tuple[Path, Path]) -> None:
    """Both in turn, so that a neighbour on the cores slows both; the ratio of the best runs is in `extra_info`."""
    seconds: dict[str, list[float]] = {"rival": [], "ours": []}

    def both() -> None:
        start = time.perf_counter()
        expected = rival(*files)
        middle = time.perf_counter()
        counts = ours(*files, workers=2)
        seconds["ours"].append(time.perf_counter() - middle)
        seconds["rival"].append(middle - start)
        assert np.array_equal(counts, expected)

    benchmark.pedantic(both, rounds=7, iterations=1)
    benchmark.extra_info["times_the_rivals_scans_per_second"] = min(seconds["rival"]) / min(seconds["ours"])
