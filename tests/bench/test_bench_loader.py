"""Does the loader keep up with a GPU step of 100 ms? The share of the time that a consumer waits for its batch.

The step is a sleep: it holds no core, as a step on a GPU. Batches of two scans, four workers, three epochs: the waits
at their borders count, only the very first batch, for which the workers have yet to start, does not. The case `mix` is
the shipped recipe of that name, LaserMix and PolarMix, which reads a second scan for many; the others draw every
augmentation of a single scan. Scans are real where `HARNESS_REAL_DATA` is set, else synthetic streets of about as many
points; their labels come in runs.

A batch that is ready still costs its consumer a few milliseconds: ten tensors, about 23 MB together, are handed over
in shared memory and mapped one by one.
"""

from __future__ import annotations

import os
import resource
import time
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from scan_voxels import street_points

from backbones.cylinder3d.partition import voxelize_cylinder
from backbones.cylinder3d.settings import Cylinder3DSettings
from backbones.voxelize import voxelize_first_point
from harness.config.recipes import resolve_recipe
from harness.data.loader import TrainingScans, load_batches
from harness.data.semantickitti import SemanticKitti
from harness.spec import Augmentation

EPOCHS, STEPS, BATCH, WORKERS, STEP_S = 3, 10, 2, 4, 0.1
AUGMENTATION = Augmentation(scale_axes="xy", flip=("none", "x", "y", "xy"), translate_sigma_m=0.1)
MIX = resolve_recipe("mix", "minkowskinet", "semantickitti", "bench").augmentation
CARTESIAN = partial(voxelize_first_point, voxel_size_m=0.05)
CASES = {
    "cartesian 0.05 m": (AUGMENTATION, CARTESIAN),
    "cylinder 480x360x32": (AUGMENTATION, partial(voxelize_cylinder, settings=Cylinder3DSettings())),
    "mix, cartesian 0.05 m": (MIX, CARTESIAN),
}


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> SemanticKitti:
    """As many scans as the steps of an epoch take, some of them copies, in the layout of SemanticKITTI."""
    root, draw = tmp_path_factory.mktemp("copy"), np.random.default_rng(0)
    for folder in ("velodyne", "labels"):
        (root / "sequences/00" / folder).mkdir(parents=True)
    sources = _sources()
    for frame in range(STEPS * BATCH):
        rows = sources[frame % len(sources)]
        labels = np.repeat(draw.choice(np.array([10, 40, 50, 70], dtype="<u4"), len(rows) // 20 + 1), 20)
        rows.tofile(root / f"sequences/00/velodyne/{frame:06d}.bin")
        labels[: len(rows)].tofile(root / f"sequences/00/labels/{frame:06d}.label")
    return SemanticKitti(root, partial=True)


def _sources() -> list[np.ndarray]:
    """A few different scans, [N, 4] float32 each."""
    root = os.environ.get("HARNESS_REAL_DATA")
    if root is None:
        streets = [street_points(1950, seed) for seed in range(4)]
        return [torch.cat([street.xyz, street.intensity[:, None]], dim=1).numpy() for street in streets]
    paths = sorted(Path(root, "semantickitti/sequences").glob("*/velodyne/*.bin"))[:10]
    return [np.fromfile(path, dtype="<f4").reshape(-1, 4) for path in paths]


@pytest.mark.benchmark(group="load batches of two scans, 4 workers, a step of 100 ms")
@pytest.mark.parametrize("name", CASES)
@pytest.mark.usefixtures("one_thread")
def test_bench_loader(benchmark, dataset: SemanticKitti, name: str) -> None:
    """The waits after the first batch and what the workers' processors did are in `extra_info`."""
    augmentation, voxelize = CASES[name]
    scans = TrainingScans(dataset, tuple(dataset.scan_ids("train")), augmentation, seed=0)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    waits: list[float] = []

    def train() -> None:
        asked = time.perf_counter()
        for step in load_batches(scans, range(EPOCHS), BATCH, voxelize, 0, WORKERS):
            waits.append(time.perf_counter() - asked)
            batch = step.parts[0].voxels
            assert len(batch.voxel_of_point) == len(batch.points.xyz)
            time.sleep(STEP_S)
            asked = time.perf_counter()

    benchmark.pedantic(train, rounds=1, iterations=1)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert len(waits) == EPOCHS * STEPS
    waited_s, processor_ms = sum(waits[1:]), 1e3 * (sum(after[:2]) - sum(before[:2])) / len(waits)
    benchmark.extra_info |= {
        "cores": os.cpu_count() or 1,
        "first_batch_ms": 1e3 * waits[0],
        "waited_share": waited_s / (waited_s + STEP_S * (len(waits) - 1)),
        "longest_wait_ms": 1e3 * max(waits[1:]),
        "longest_wait_at_a_border_ms": 1e3 * max(waits[STEPS::STEPS]),
        "processor_ms_per_batch": processor_ms,
    }
