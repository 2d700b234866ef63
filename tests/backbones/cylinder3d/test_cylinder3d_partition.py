from __future__ import annotations

import pickle
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from math import cos, floor, sin

import numpy as np
import pytest
import torch
from cylinder_scenes import SMALL, random_points, small_voxels
from hypothesis import given, settings
from hypothesis import strategies as st

from backbones.build import build_voxelizer
from backbones.cylinder3d.partition import majority, polar_coordinates, voxelize_cylinder
from backbones.cylinder3d.settings import Cylinder3DSettings
from backbones.points import PointBatch

PUBLISHED = Cylinder3DSettings()


def bounds(grid: Cylinder3DSettings, pi: float = 3.1415926) -> list[tuple[float, float, int]]:
    return [(*interval, cells) for interval, cells in zip((grid.rho_m, (-pi, pi), grid.z_m), grid.grid, strict=True)]


def reference_cells(polar: np.ndarray, grid: Cylinder3DSettings, pi: float = 3.1415926) -> list[tuple[int, ...]]:
    """One point and one axis at a time, in Python's float64."""
    cells = []
    for point in polar:
        cell = []
        for value, (low, high, count) in zip(point, bounds(grid, pi), strict=True):
            clipped = min(max(float(value), low), high)
            cell.append(floor((clipped - low) / ((high - low) / (count - 1))))
        cells.append(tuple(cell))
    return cells


def float32_cells(polar: np.ndarray, grid: Cylinder3DSettings) -> list[tuple[int, ...]]:
    low, high, count = (np.array(column, np.float32) for column in zip(*bounds(grid), strict=True))
    cells = np.floor((np.clip(polar, low, high) - low) / ((high - low) / (count - 1)))
    return [tuple(int(c) for c in cell) for cell in cells]


def cells_of(points: PointBatch, grid: Cylinder3DSettings) -> list[tuple[int, ...]]:
    voxels = voxelize_cylinder(points, grid)
    return [tuple(cell) for cell in voxels.coordinates[voxels.voxel_of_point, 1:].tolist()]


def at(polar: np.ndarray) -> PointBatch:
    """Return one scan of points with these polar coordinates, as near as float32 allows."""
    rho, phi, z = polar.T
    xyz = torch.from_numpy(np.stack([rho * np.cos(phi), rho * np.sin(phi), z], axis=1).astype(np.float32))
    count = len(xyz)
    return PointBatch(xyz, torch.rand(count), torch.zeros(count, dtype=torch.int64), None, ("00/000000",))


def on_the_boundaries() -> PointBatch:
    """Points on every boundary between two cells in φ, at many distances: float32 puts them on either side."""
    phi, rho = np.meshgrid(-np.pi + np.arange(1, 359) * 2 * np.pi / 359, np.linspace(1.03, 49, 150))
    return at(np.stack([rho.ravel(), phi.ravel(), np.zeros(phi.size)], axis=1))


def polar_of(points: PointBatch) -> np.ndarray:
    x, y, z = points.xyz.numpy().T
    return np.stack([np.sqrt(x**2 + y**2), np.arctan2(y, x), z], axis=1)


def test_voxels_are_the_cells_of_a_plain_loop() -> None:
    points, grid = random_points((90, 60)), Cylinder3DSettings(**SMALL)
    voxels = voxelize_cylinder(points, grid)
    cells = reference_cells(polar_of(points), grid)
    of_point = [(int(scan), *cell) for scan, cell in zip(points.scan_index, cells, strict=True)]
    assert [tuple(c) for c in voxels.coordinates.tolist()] == sorted(set(of_point))
    assert [tuple(c) for c in voxels.coordinates[voxels.voxel_of_point].tolist()] == of_point
    assert voxels.extents == SMALL["grid"]
    assert voxels.voxel_size_m is None
    for voxel, centre in zip(voxels.coordinates.tolist(), voxels.xyz, strict=True):
        rho, phi, z = (
            (cell + 0.5) * (high - low) / (count - 1) + low
            for cell, (low, high, count) in zip(voxel[1:], bounds(grid), strict=True)
        )
        np.testing.assert_allclose(centre, [rho * cos(phi), rho * sin(phi), z], rtol=1e-6, atol=1e-6)


def test_nine_features_in_their_order_and_the_residual_of_a_clipped_point_is_its_own() -> None:
    points, grid = random_points((90,), radius_m=8.0), Cylinder3DSettings(**SMALL)
    polar, cells = polar_of(points), reference_cells(polar_of(points), grid)
    features = voxelize_cylinder(points, grid).features
    assert features.dtype == torch.float32
    beyond = 0
    for row, value, cell, xyz, intensity in zip(features, polar, cells, points.xyz, points.intensity, strict=True):
        residual = [
            float(v) - ((c + 0.5) * ((high - low) / (count - 1)) + low)
            for v, c, (low, high, count) in zip(value, cell, bounds(grid), strict=True)
        ]
        beyond += abs(residual[0]) > 6 / 11 / 2 + 1e-6
        np.testing.assert_array_equal(row, np.array([*residual, *value, *xyz[:2], intensity], np.float32))
    assert beyond > 0, "no point lies beyond the grid, so this test could not tell a clipped residual"


@pytest.mark.parametrize(
    "mistake", [lambda polar: reference_cells(polar, PUBLISHED, np.pi), lambda polar: float32_cells(polar, PUBLISHED)]
)
def test_points_on_boundaries_tell_this_pi_and_float64_from_their_likes(
    mistake: Callable[[np.ndarray], list[tuple[int, ...]]],
) -> None:
    points = on_the_boundaries()
    ours = cells_of(points, PUBLISHED)
    assert ours == reference_cells(polar_of(points), PUBLISHED)
    assert ours != mistake(polar_of(points))


def test_polar_coordinates_have_the_bits_of_numpy() -> None:
    points = on_the_boundaries()
    np.testing.assert_array_equal(polar_coordinates(points.xyz).t(), polar_of(points))


def test_points_beyond_the_grid_go_to_its_border_and_phi_does_not_wrap() -> None:
    far = np.array([[80.0, 3.14159, 9.0], [80.0, -3.14159, -9.0], [0.01, 0.0, 0.0]])
    assert cells_of(at(far), PUBLISHED) == [(479, 358, 31), (479, 0, 0), (0, 179, 20)]
    # Only φ = π itself, which float32 rounds up beyond the bound, is clipped into the last cell.
    assert cells_of(at(np.array([[5.0, np.pi, 0.0]])), PUBLISHED)[0][1] == 359


def test_labels_are_majorities_with_the_smallest_id_first_and_label_0_voting() -> None:
    points = random_points((400,), radius_m=2.0)
    voxels = small_voxels(points)
    votes = [Counter[int]() for _ in range(len(voxels.coordinates))]
    for voxel, label in zip(voxels.voxel_of_point.tolist(), points.labels.tolist(), strict=True):
        votes[voxel][label] += 1
    expected = [min(label for label, n in count.items() if n == max(count.values())) for count in votes]
    assert voxels.labels.tolist() == expected
    assert 0 in expected
    ties = [count for count in votes if sorted(count.values())[-2:].count(max(count.values())) == 2]
    assert ties, "no voxel has a tie, so this test could not tell how one is broken"
    assert majority(torch.tensor([3, 3, 0, 0, 2]), torch.tensor([0, 0, 0, 0, 1]), 2).tolist() == [0, 2]
    assert small_voxels(replace(points, labels=None)).labels is None


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 1000), count=st.integers(1, 60))
def test_the_order_of_points_is_kept_and_does_not_matter(seed: int, count: int) -> None:
    points = random_points((count,), seed)
    order = torch.randperm(count, generator=torch.Generator().manual_seed(seed))
    shuffled = replace(points, xyz=points.xyz[order], intensity=points.intensity[order], labels=points.labels[order])
    one, two = small_voxels(points), small_voxels(shuffled)
    assert torch.equal(one.coordinates, two.coordinates)
    assert torch.equal(one.voxel_of_point[order], two.voxel_of_point)
    assert torch.equal(one.features[order], two.features)
    assert torch.equal(one.labels, two.labels)


def test_the_voxelizer_travels_to_a_worker() -> None:
    points, voxelizer = random_points(), build_voxelizer("cylinder3d", None, SMALL)
    there = pickle.loads(pickle.dumps(voxelizer))
    assert torch.equal(there(points).features, voxelizer(points).features)


@pytest.mark.gpu
def test_a_gpu_finds_the_same_voxels() -> None:
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    points = on_the_boundaries()
    here, there = (voxelize_cylinder(points.to(device), PUBLISHED) for device in ("cpu", "cuda"))
    assert torch.equal(here.coordinates, there.coordinates.cpu())
    assert torch.equal(here.voxel_of_point, there.voxel_of_point.cpu())
    assert torch.equal(here.features, there.features.cpu())
