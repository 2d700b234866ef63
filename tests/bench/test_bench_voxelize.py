"""Voxels, features and voxel labels of one scan on one core, against the public recipes in the same run.

The scan is 00/000000 of SemanticKITTI (124 668 points) where `HARNESS_REAL_DATA` is set, else a synthetic street of
about as many; its labels come in runs, as along a beam.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from scan_voxels import street_points

from backbones.cylinder3d.partition import PI, voxelize_cylinder
from backbones.cylinder3d.settings import Cylinder3DSettings
from backbones.points import PointBatch
from backbones.voxelize import VoxelBatch, voxelize_first_point

rival_voxels = pytest.importorskip("rival_voxels", reason="numba is not installed", exc_type=ImportError)

SIZE_M = 0.05
GRID = Cylinder3DSettings()
LOW, HIGH = zip(GRID.rho_m, (-PI, PI), GRID.z_m, strict=True)

Case = tuple[Callable[[PointBatch], VoxelBatch], Callable[[np.ndarray, np.ndarray], "rival_voxels.RivalVoxels"]]
CASES: dict[str, Case] = {
    "cartesian 0.05 m": (
        lambda points: voxelize_first_point(points, SIZE_M),
        lambda rows, labels: rival_voxels.cartesian(rows, labels, SIZE_M),
    ),
    "cartesian 0.05 m, lean rival": (
        lambda points: voxelize_first_point(points, SIZE_M),
        lambda rows, labels: rival_voxels.lean_cartesian(rows, labels, SIZE_M),
    ),
    "cylinder 480x360x32": (
        lambda points: voxelize_cylinder(points, GRID),
        lambda rows, labels: rival_voxels.cylinder(rows, labels, list(LOW), list(HIGH), GRID.grid),
    ),
}


@pytest.fixture(scope="module")
def rows() -> np.ndarray:
    """[N, 4] float32: x, y, z, intensity."""
    root = os.environ.get("HARNESS_REAL_DATA")
    if root is not None:
        path = Path(root, "semantickitti/sequences/00/velodyne/000000.bin")
        return np.fromfile(path, dtype=np.float32).reshape(-1, 4)
    points = street_points(2000)
    return torch.cat([points.xyz, points.intensity[:, None]], dim=1).numpy()


@pytest.mark.benchmark(group="voxelise one scan")
@pytest.mark.parametrize("name", CASES)
@pytest.mark.usefixtures("one_thread")
def test_bench_voxelize(benchmark, rows: np.ndarray, name: str) -> None:
    """Both in turn, so that a neighbour on the core slows both; the best runs and their ratio are in `extra_info`."""
    ours, rival = CASES[name]
    labels = np.repeat(np.random.default_rng(0).integers(0, 20, len(rows) // 20 + 1), 20)[: len(rows)]
    xyz, intensity = (torch.from_numpy(np.ascontiguousarray(part)) for part in (rows[:, :3], rows[:, 3]))
    scan_index = torch.zeros(len(rows), dtype=torch.int64)
    points = PointBatch(xyz, intensity, scan_index, torch.from_numpy(labels), ("00/000000",))
    seconds: dict[str, list[float]] = {"ours": [], "rival": []}

    def both() -> None:
        start = time.perf_counter()
        voxels = ours(points)
        middle = time.perf_counter()
        expected = rival(rows, labels)
        seconds["rival"].append(time.perf_counter() - middle)
        seconds["ours"].append(middle - start)
        assert np.array_equal(voxels.coordinates, expected.coordinates)
        assert np.array_equal(voxels.voxel_of_point, expected.voxel_of_point)
        assert np.array_equal(voxels.features, expected.features)
        assert voxels.labels is not None
        assert np.array_equal(voxels.labels, expected.labels)

    benchmark.pedantic(both, rounds=25, iterations=1, warmup_rounds=2)
    best = {who: min(times) for who, times in seconds.items()}
    benchmark.extra_info |= {
        "points": len(rows),
        "ours_ms": 1e3 * best["ours"],
        "rival_ms": 1e3 * best["rival"],
        "times_the_rivals_scans_per_second": best["rival"] / best["ours"],
    }
