"""Scans scored per second and memory, against the arithmetic of the official scripts, on the same files.

Both run in turns; `ratio_to_official_arithmetic` in `extra_info` is of seconds: 0.2 is five times the scans per second.

The files: the truth has runs of 20 equal labels of all raw ids, where real scans of SemanticKITTI have them of 23 to 44
points in the mean (of the 5 looked at). Of what is not ignored, nine of ten points are predicted right. Wrong ones are
- in patches of ten points of one wrong class, as where a network takes one surface for another, or
- scattered: each point is wrong for itself, the worst case for a counter of runs.
Predictions have the raw ids that classes are written as, those of moving objects in the multi-scan task; "any raw id"
has the truth's own where it is right and any of the map where it is wrong.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import rival_scores
from numpy.typing import NDArray
from pytest_benchmark.fixture import BenchmarkFixture
from turns import compare

from harness.data import kitti_files
from harness.data.labels import SEMANTICKITTI, SEMANTICKITTI_MULTISCAN, LabelMap
from harness.evaluate.forked import map_forked
from harness.evaluate.label_files import FileFormat, ScanFiles, count_scans
from harness.evaluate.pair_counter import LabelCoding

SCANS, POINTS, AT_ONCE = 200, 120_000, 25
ROUNDS = 5
RUN, PATCH = 20, 10


class Case(NamedTuple):
    """What the files of a bench hold.

    `written` are the ids of wrong predictions; `right` gives the id of a right one by raw id, 0 where there is none.
    """

    rival: str
    coding: LabelCoding
    written: Sequence[int]
    right: Mapping[int, int]
    patch: int = PATCH

    @property
    def files(self) -> FileFormat:
        return FileFormat(self.coding, kitti_files.read_points, "", "")


def of_map(rival: str, label_map: LabelMap, patch: int = PATCH) -> Case:
    ids, classes = label_map.raw_to_train, label_map.classes
    right = {raw: label_map.train_to_raw[train] if train else 0 for raw, train in ids.items()}
    return Case(rival, LabelCoding("<u4", ids, ids, classes), label_map.train_to_raw[1:], right, patch)


SINGLE = of_map("semantickitti", SEMANTICKITTI)
FINE = dict(enumerate(rival_scores.FINE))
CASES = {
    "patches": SINGLE,
    "scattered": SINGLE._replace(patch=1),
    "any raw id": SINGLE._replace(
        written=list(SINGLE.right), right={raw: raw if train else 0 for raw, train in SINGLE.right.items()}
    ),
    "multi-scan": of_map("semantickitti-multi", SEMANTICKITTI_MULTISCAN),
    "multi-scan scattered": of_map("semantickitti-multi", SEMANTICKITTI_MULTISCAN, patch=1),
    "nuscenes": Case("nuscenes", LabelCoding("u1", {c: c for c in range(1, 17)}, FINE, 16), range(1, 17), FINE),
}


class Files(NamedTuple):
    case: Case
    truths: Path
    guesses: Path

    def pieces(self) -> list[list[ScanFiles]]:
        pairs = zip(sorted(self.truths.iterdir()), sorted(self.guesses.iterdir()), strict=True)
        files = [ScanFiles(guess, truth, None) for truth, guess in pairs]
        return [files[start : start + AT_ONCE] for start in range(0, len(files), AT_ONCE)]


@pytest.fixture(scope="module", params=list(CASES))
def files(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Files]:
    draw, case = np.random.default_rng(0), CASES[request.param]
    found = Files(case, *(tmp_path_factory.mktemp(name) for name in ("truths", "guesses")))
    item, raw, written = case.coding.item, np.array(list(case.coding.true)), np.array(case.written)
    right_id = np.zeros(raw.max() + 1, dtype=int)
    right_id[raw] = [case.right[i] for i in raw.tolist()]
    for frame in range(SCANS):
        true = np.repeat(draw.choice(raw, POINTS // RUN), RUN)
        wrong = np.repeat(draw.random(POINTS // case.patch) >= 0.9, case.patch) | (right_id[true] == 0)
        guess = np.where(wrong, np.repeat(draw.choice(written, POINTS // case.patch), case.patch), right_id[true])
        instances = (7 << 16) * (item == "<u4")
        (true | instances).astype(item).tofile(found.truths / f"{frame:06d}")
        guess.astype(item).tofile(found.guesses / f"{frame:06d}")
    yield found
    for folder in (found.truths, found.guesses):
        shutil.rmtree(folder)


@pytest.mark.benchmark(group="evaluate 200 scans of 120 k points")
@pytest.mark.parametrize("workers", [1, 2])
def test_bench_evaluate(benchmark: BenchmarkFixture, files: Files, workers: int) -> None:
    rival, count = rival_scores.RIVALS[files.case.rival], partial(count_scans, files.case.files)
    pieces = files.pieces()

    def ours() -> NDArray[np.int64]:
        [counts] = sum(map_forked(count, pieces, workers))
        return counts

    def theirs() -> NDArray[np.int64]:
        return rival(files.truths, files.guesses)

    assert np.array_equal(ours(), theirs())
    benchmark.extra_info["scans"] = SCANS
    compare(benchmark, ours, {"official_arithmetic": theirs}, rounds=ROUNDS)


def peak_kib(command: list[object]) -> int:
    """Largest sum of resident sizes of a process and its children; what copies share counts once, in the parent.

    A child that has not become another program yet (git, which a checkout is asked with) still lives in its parent's
    memory, is as large as that to the byte, and is left out.
    """
    most = 0
    with subprocess.Popen(list(map(str, command)), stdout=subprocess.DEVNULL) as process:
        while process.poll() is None:
            try:
                own = size_kib(process.pid, "Rss:")
                children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
                sizes = [(size_kib(int(c), "Rss:"), size_kib(int(c), "Private_Dirty:")) for c in children]
                parents = own, size_kib(process.pid, "Rss:")
                most = max(most, own + sum(private for resident, private in sizes if resident not in parents))
            except (OSError, IndexError):  # it has just ended
                continue
            time.sleep(0.002)
    assert process.returncode == 0
    return most


def size_kib(process: int, kind: str) -> int:
    return int(Path(f"/proc/{process}/smaps_rollup").read_text().split(kind)[1].split()[0])


@pytest.mark.benchmark(group="memory of evaluate")
@pytest.mark.parametrize("workers", [1, 2, 4])
def test_bench_memory(benchmark, files: Files, workers: int, tmp_path: Path) -> None:
    """The whole verb with all its processes, against as many official scripts."""
    if files.case is not SINGLE:
        pytest.skip("one case is enough: the arrays are the same, or a quarter as large")
    for name in ("velodyne", "labels", "predictions"):
        (tmp_path / "sequences/08" / name).mkdir(parents=True)
    for frame in range(SCANS):
        (tmp_path / f"sequences/08/velodyne/{frame:06d}.bin").touch()
        for name, source in (("labels", files.truths), ("predictions", files.guesses)):
            (tmp_path / f"sequences/08/{name}/{frame:06d}.label").symlink_to(source / f"{frame:06d}")
    verb = [sys.executable, "-m", "harness", "evaluate", "--predictions", tmp_path, "--semantickitti", tmp_path]
    verb += ["--partial", "--workers", workers]
    rival = [sys.executable, rival_scores.__file__, files.case.rival, files.truths, files.guesses]
    most, alone = benchmark.pedantic(lambda: (peak_kib(verb), peak_kib(rival)), rounds=1, iterations=1)
    benchmark.extra_info |= {
        "ours_mib": most / 1024,
        "rival_mib": alone / 1024,
        "times_the_memory_of_one_rival": most / alone,
        "times_the_memory_of_as_many_rivals": most / (alone * workers),
    }
