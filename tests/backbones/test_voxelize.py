from __future__ import annotations

import math
import pickle

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from backbones.points import PointBatch
from backbones.voxelize import VoxelBatch, voxelize_first_point

coordinate = st.floats(-3, 3, width=32) | st.integers(-12, 12).map(lambda step: step * 0.25)
point = st.tuples(coordinate, coordinate, coordinate)
scans = st.lists(st.lists(point, max_size=25), min_size=1, max_size=3)


def batch_of(rows: list[list[tuple[float, float, float]]]) -> PointBatch:
    xyz = torch.tensor([p for scan in rows for p in scan], dtype=torch.float32).reshape(-1, 3)
    index = torch.tensor([i for i, scan in enumerate(rows) for _ in scan], dtype=torch.int64)
    count = len(xyz)
    labels = torch.arange(count) % 20
    return PointBatch(xyz, torch.arange(count) / 100, index, labels, tuple(f"00/{i:06d}" for i in range(len(rows))))


def half_even(value: float) -> int:
    low = math.floor(value)
    if value - low != 0.5:
        return math.floor(value + 0.5)
    return low if low % 2 == 0 else low + 1


def loop_voxels(points: PointBatch, size_m: float) -> tuple[dict[tuple[int, ...], int], list[tuple[int, ...]]]:
    """First point of every voxel, and the voxel of every point, point by point."""
    quotients = [[float(np.float32(c) / np.float32(size_m)) for c in row] for row in points.xyz.tolist()]
    cells = [[half_even(q) for q in row] for row in quotients]
    of_scan = points.scan_index.tolist()
    voxels = []
    for cell, scan in zip(cells, of_scan, strict=True):
        lowest = [min(c[a] for c, s in zip(cells, of_scan, strict=True) if s == scan) for a in range(3)]
        voxels.append((scan, *(c - least for c, least in zip(cell, lowest, strict=True))))
    first: dict[tuple[int, ...], int] = {}
    for row, voxel in enumerate(voxels):
        first.setdefault(voxel, row)
    return first, voxels


@settings(deadline=None, max_examples=150)
@given(scans, st.sampled_from([0.05, 0.25, 0.5, 2.0]))
def test_voxels_match_a_dictionary(rows: list[list[tuple[float, float, float]]], size_m: float) -> None:
    points = batch_of(rows)
    found = voxelize_first_point(points, size_m)
    first, voxels = loop_voxels(points, size_m)
    order = sorted(first)
    representatives = torch.tensor([first[voxel] for voxel in order], dtype=torch.int64)
    assert found.coordinates.tolist() == [list(voxel) for voxel in order]
    assert found.voxel_of_point.tolist() == [order.index(voxel) for voxel in voxels]
    assert torch.equal(found.xyz, points.xyz[representatives])
    assert found.features.tolist() == [
        [*points.xyz[r].tolist(), points.intensity[r].item()] for r in representatives.tolist()
    ]
    assert found.labels is not None
    assert points.labels is not None
    assert torch.equal(found.labels, points.labels[representatives])
    assert torch.equal(found.scan_index[found.voxel_of_point], points.scan_index)


def test_a_half_goes_to_the_even_cell() -> None:
    found = voxelize_first_point(batch_of([[(0.0, 0.0, 0.0), (0.25, 0.75, 1.25), (-0.25, 0.0, 0.0)]]), 0.5)
    assert found.coordinates.tolist() == [[0, 0, 0, 0], [0, 0, 2, 2]]


def test_the_quotient_is_that_of_float32() -> None:
    """A quotient that float32 rounds to a half and float64 does not."""
    size, multiples = np.float32(0.05), np.arange(1, 4000, 2) / 2 * 0.05
    near = multiples.astype(np.float32)
    differs = np.round(near / size) != np.round(near.astype(np.float64) / 0.05)
    assert differs.any()
    rows = [(0.0, 0.0, 0.0), *((float(value), 0.0, 0.0) for value in near[differs])]
    found = voxelize_first_point(batch_of([rows]), 0.05)
    assert found.coordinates[found.voxel_of_point, 1].tolist()[1:] == np.round(near[differs] / size).tolist()


def test_a_batch_without_labels_stays_without() -> None:
    points = batch_of([[(0.0, 0.0, 0.0)]])
    bare = PointBatch(points.xyz, points.intensity, points.scan_index, None, points.scan_ids)
    assert voxelize_first_point(bare, 0.05).labels is None


def test_points_too_far_apart_are_refused() -> None:
    with pytest.raises(ValueError, match="must lie in"):
        voxelize_first_point(batch_of([[(0.0, 0.0, 0.0), (1e5, 0.0, 0.0)]]), 0.05)


@pytest.mark.parametrize("lost", [math.nan, math.inf, -math.inf])
def test_a_point_that_is_nowhere_is_refused(lost: float) -> None:
    with pytest.raises(ValueError, match="must lie in"):
        voxelize_first_point(batch_of([[(0.0, 0.0, 0.0), (0.0, lost, 0.0)]]), 0.05)


def test_each_scan_is_shifted_by_its_own_smallest_cell_however_far_apart_they_lie() -> None:
    """Kilometres from the origin and from each other, where float32 is coarse, and a scan without points."""
    scans = [[(-9000.0, 7.0, 1.0), (-8000.0, 7.0, 1.0)], [], [(12000.0, -4.0, 2.0), (12000.0, -4.0, 1.0)]]
    found = voxelize_first_point(batch_of(scans), 0.05)
    assert found.coordinates.tolist() == [[0, 0, 0, 0], [0, 20000, 0, 0], [2, 0, 0, 0], [2, 0, 0, 20]]
    assert found.voxel_of_point.tolist() == [0, 1, 3, 2]


@pytest.mark.gpu
def test_a_gpu_finds_the_same_voxels_of_the_same_points() -> None:
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    draw = torch.Generator().manual_seed(0)
    xyz = torch.randn(60_000, 3, generator=draw) * 10
    index, labels = torch.arange(60_000) // 25_000, torch.arange(60_000) % 20
    points = PointBatch(xyz, torch.rand(60_000, generator=draw), index, labels, ("a", "b", "c"))
    here, there = (voxelize_first_point(points.to(device), 0.05) for device in ("cpu", "cuda"))
    for name in ("coordinates", "voxel_of_point", "features", "labels", "xyz"):
        assert torch.equal(getattr(here, name), getattr(there, name).cpu()), name


def test_voxels_move_with_an_empty_cache_and_pickle_with_their_maps() -> None:
    found: VoxelBatch = voxelize_first_point(batch_of([[(0.0, 0.0, 0.0), (1.0, 0.0, 0.0)]]), 0.5)
    found.maps.submanifold(found.coordinates, (3, 3, 3))
    assert found.to("cpu").maps.levels == ()
    again = pickle.loads(pickle.dumps(found))
    assert again.maps.levels[0] is again.coordinates
