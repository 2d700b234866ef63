from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from spvnas_scenes import SIZE_M, network, random_voxels

from backbones.points import PointBatch
from backbones.sparse.kernel_map import KernelMapCache
from backbones.sparse.tensor import SparseTensor
from backbones.spvnas.exchange import PointsToVoxels, VoxelsToPoints
from backbones.voxelize import VoxelBatch


class CountingCache(KernelMapCache):
    """A cache that notes what it had to build."""

    def __init__(self) -> None:
        super().__init__()
        self.built: list[Hashable] = []

    def derived(self, key: Hashable, build: Callable[[], Any]) -> Any:
        def note() -> Any:
            self.built.append(key)
            return build()

        return super().derived(key, note)


def line_of_voxels(cells: int, size_m: float = SIZE_M) -> VoxelBatch:
    """Voxels 0 … cells − 1 along x, each with its own number as its feature."""
    coordinates = torch.zeros(cells, 4, dtype=torch.int64)
    coordinates[:, 1] = torch.arange(cells)
    xyz = coordinates[:, 1:].float() * size_m
    points = PointBatch(xyz, torch.zeros(cells), coordinates[:, 0], None, ("a",))
    features = torch.arange(cells, dtype=torch.float64)[:, None]
    return VoxelBatch(points, coordinates, torch.arange(cells), features, None, xyz, voxel_size_m=size_m)


def test_as_released_613_of_the_first_4096_cells_lie_one_ulp_too_far() -> None:
    voxels = line_of_voxels(4096)
    x = SparseTensor(voxels.features, voxels.coordinates)
    moved = VoxelsToPoints("as_released")(x, voxels)[:, 0].numpy() - np.arange(4096)
    # The last voxel has no neighbour to take from.
    assert int((moved > 0).sum()) == 613
    assert int((moved < 0).sum()) == 0
    ulps = np.spacing(np.arange(4096, dtype=np.float32)).astype(np.float64)
    np.testing.assert_allclose(moved[moved > 0], ulps[moved > 0], rtol=1e-6)


def test_a_size_that_rounds_cells_down_reads_the_same_voxels() -> None:
    """At 0.07 m some points lie one ulp below their cell: they read mostly its voxel, and still refill it alone."""
    voxels = line_of_voxels(4096, 0.07)
    x = SparseTensor(voxels.features, voxels.coordinates)
    read = VoxelsToPoints("as_released")(x, voxels)
    assert int((read < voxels.features).sum()) == 176
    torch.testing.assert_close(read, voxels.features, rtol=2e-7, atol=0)
    assert torch.equal(PointsToVoxels()(read, x, voxels).features, read)


def test_exact_points_read_their_own_voxel() -> None:
    voxels = line_of_voxels(4096)
    read = VoxelsToPoints("exact")(SparseTensor(voxels.features, voxels.coordinates), voxels)
    assert torch.equal(read, voxels.features)


def test_a_coarse_level_is_read_between_its_cells() -> None:
    voxels = line_of_voxels(16)
    coarse = SparseTensor(torch.tensor([[0.0], [40.0]]), torch.tensor([[0, 0, 0, 0], [0, 1, 0, 0]]), (8, 8, 8))
    read = VoxelsToPoints("exact")(coarse, voxels)[:, 0]
    # Beyond the last voxel there is nothing to lean towards.
    torch.testing.assert_close(read, torch.tensor([5.0 * cell for cell in range(8)] + [40.0] * 8))


def test_refilled_voxels_hold_the_mean_and_forget_their_own() -> None:
    voxels = line_of_voxels(16)
    coarse = SparseTensor(torch.full((2, 1), 1e6), torch.tensor([[0, 0, 0, 0], [0, 1, 0, 0]]), (8, 8, 8))
    assert PointsToVoxels()(voxels.features, coarse, voxels).features[:, 0].tolist() == [3.5, 11.5]


def test_points_on_their_own_level_refill_it_one_to_one() -> None:
    voxels = random_voxels()
    x = SparseTensor(torch.zeros(len(voxels.coordinates), 4), voxels.coordinates)
    assert torch.equal(PointsToVoxels()(voxels.features, x, voxels).features, voxels.features)


def test_released_coordinates_need_a_voxel_size() -> None:
    voxels = replace(line_of_voxels(4), voxel_size_m=None)
    with pytest.raises(ValueError, match="Cartesian grid"):
        VoxelsToPoints("as_released")(SparseTensor(voxels.features, voxels.coordinates), voxels)


def test_teacher_and_student_share_tables_and_maps() -> None:
    voxels = replace(random_voxels(), maps=CountingCache())
    with torch.inference_mode():
        network(0.25)(voxels)
    built, levels = list(voxels.maps.built), voxels.maps.levels
    assert sorted(str(key) for key in built) == sorted(
        [f"('spvnas corners', 'as_released', ({s}, {s}, {s}))" for s in (1, 4, 16)]
        + [f"('spvnas members', ({s}, {s}, {s}))" for s in (4, 16)]
    )
    network(0.125).train()(voxels).prediction_logits.sum().backward()
    assert voxels.maps.built == built
    assert voxels.maps.levels == levels
    assert len(levels) == 5


def test_networks_that_place_points_differently_do_not_share_their_corners() -> None:
    voxels = replace(random_voxels(), maps=CountingCache())
    for coordinates in ("as_released", "exact"):
        network(coordinates=coordinates)(voxels)
    assert len(voxels.maps.built) == 3 + 3 + 2
