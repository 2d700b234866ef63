"""Writing a leaderboard archive of a few dozen scans, against the way of the official tools, in turns.

The rival in our words: every prediction into a label file of its own, then each file read, its ids mapped back and the
file written anew, then all packed by the tool ``zip`` or, where there is none, by Python's zipfile. Both compress at
level 6, which is most of the work; the ratio of the rest follows from `packed_alone_ms`, the time of packing alone.
"""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from zipfile import ZIP_DEFLATED, ZipFile

import numpy as np
import pytest
from numpy.typing import NDArray
from pytest_benchmark.fixture import BenchmarkFixture
from turns import compare

from harness.data.labels import SEMANTICKITTI
from harness.data.predictions import prediction_name
from harness.export.semantickitti import write_submission

SCANS, POINTS, KINDS, LEVEL = 36, 120_000, 6, 6
"""Scans, points of each, and how many different ones there are."""

SCAN_IDS = tuple(f"{11 + frame // 12}/{frame % 12:06d}" for frame in range(SCANS))


@pytest.fixture(scope="module")
def predicted() -> list[NDArray[np.int64]]:
    """Runs of equal ids along a beam, every twentieth point another."""
    draw = np.random.default_rng(0)
    runs = [np.repeat(draw.integers(1, 20, POINTS // 20), 20) for _ in range(KINDS)]
    return [np.where(draw.random(POINTS) < 0.95, run, draw.integers(1, 20, POINTS)) for run in runs]


def predictions(predicted: list[NDArray[np.int64]]) -> Iterator[tuple[str, NDArray[np.int64]]]:
    return ((scan_id, predicted[place % KINDS]) for place, scan_id in enumerate(SCAN_IDS))


def write_files(folder: Path, predicted: list[NDArray[np.int64]]) -> None:
    """Write label files of train ids, then map each back in its place."""
    paths = []
    for scan_id, train in predictions(predicted):
        path = folder / prediction_name(scan_id)
        path.parent.mkdir(parents=True, exist_ok=True)
        train.astype(np.uint32).tofile(path)
        paths.append(path)
    table = np.array(SEMANTICKITTI.train_to_raw, dtype=np.uint32)
    for path in paths:
        table[np.fromfile(path, dtype=np.uint32)].tofile(path)


def pack(folder: Path, archive: Path) -> None:
    archive.unlink(missing_ok=True)
    if (tool := shutil.which("zip")) is not None:
        subprocess.run([tool, "-q", "-r", f"-{LEVEL}", archive, "sequences"], cwd=folder, check=True)
        return
    with ZipFile(archive, "w", ZIP_DEFLATED, compresslevel=LEVEL) as file:
        for path in sorted(folder.rglob("*")):
            file.write(path, path.relative_to(folder))


def test_writing_an_archive(benchmark: BenchmarkFixture, tmp_path: Path, predicted: list[NDArray[np.int64]]) -> None:
    """From ids in memory to the archive; the rival's label files stay on the disk, ours never are there."""
    ours, theirs, folder = tmp_path / "ours.zip", tmp_path / "theirs.zip", tmp_path / "predictions"
    expected = dict.fromkeys(SCAN_IDS, POINTS)
    packing: list[float] = []

    def export() -> None:
        write_submission(predictions(predicted), ours, expected, SEMANTICKITTI)

    def official_tools() -> None:
        write_files(folder, predicted)
        begin = time.perf_counter()
        pack(folder, theirs)
        packing.append(time.perf_counter() - begin)

    compare(benchmark, export, {"official_tools": official_tools}, rounds=3)
    benchmark.extra_info |= {
        "scans": SCANS,
        "packed_by": "zipfile" if shutil.which("zip") is None else "zip",
        "packed_alone_ms": round(1e3 * median(packing[-3:]), 1),
        "mib": round(ours.stat().st_size / 2**20, 1),
    }
    with ZipFile(ours) as archive, ZipFile(theirs) as rival:
        for scan_id in SCAN_IDS:
            assert archive.read(prediction_name(scan_id)) == rival.read(prediction_name(scan_id))
