from __future__ import annotations

import copy
import pickle

import pytest
import torch
from dense_grid import Triple, ascending, loop_pairs, loop_sites, random_voxels
from hypothesis import given, settings
from hypothesis import strategies as st

from backbones.sparse.geometry import Geometry, Rule
from backbones.sparse.kernel_map import KernelMap, KernelMapCache

sizes = st.integers(1, 4)
kernels = st.tuples(sizes, sizes, sizes)
strides = st.tuples(*[st.integers(1, 3)] * 3)
voxel_sets = st.builds(
    random_voxels,
    extents=st.tuples(st.integers(1, 5), st.integers(1, 5), st.integers(1, 5)),
    share=st.sampled_from([0.0, 0.2, 0.7, 1.0]),
    scans=st.integers(1, 2),
    seed=st.integers(0, 99),
)


def as_triples(kernel_map: KernelMap) -> list[tuple[int, int, int]]:
    offsets = [k for k, count in enumerate(kernel_map.counts) for _ in range(count)]
    return list(zip(offsets, kernel_map.inputs.tolist(), kernel_map.outputs.tolist(), strict=True))


@settings(deadline=None, max_examples=100)
@given(voxel_sets, kernels)
def test_submanifold_pairs_match_a_dictionary(coordinates: torch.Tensor, kernel: Triple) -> None:
    found = KernelMapCache().submanifold(coordinates, kernel)
    # Equality of lists also fixes the order: by offset, then by output.
    assert as_triples(found) == loop_pairs(coordinates, coordinates.tolist(), kernel, (1, 1, 1))


@settings(deadline=None, max_examples=100)
@given(voxel_sets, kernels, strides, st.sampled_from(["floor", "window"]), st.booleans())
def test_strided_sites_and_pairs_match_sets(
    coordinates: torch.Tensor, kernel: Triple, stride: Triple, rule: Rule, bounded: bool
) -> None:
    extents = (5, 5, 5) if bounded else None
    found = KernelMapCache().strided(coordinates, Geometry(kernel, stride, rule), extents)
    sites = loop_sites(coordinates, kernel, stride, rule, extents)
    assert found.out_coordinates.tolist() == sites
    assert as_triples(found) == loop_pairs(coordinates, sites, kernel, stride)


def test_networks_share_maps_and_coarse_voxels() -> None:
    coordinates, cache = random_voxels((6, 6, 6), 0.4, 2, seed=0), KernelMapCache()
    window = Geometry((3, 3, 3), (2, 2, 2), "window")
    down = cache.strided(coordinates, Geometry((2, 2, 2), (2, 2, 2), "floor"))
    wide = cache.strided(coordinates, Geometry((4, 4, 4), (2, 2, 2), "floor"))
    assert cache.strided(coordinates, Geometry((2, 2, 2), (2, 2, 2), "floor")) is down
    assert wide is not down
    assert wide.out_coordinates is down.out_coordinates
    assert cache.submanifold(down.out_coordinates, (3, 3, 3)) is cache.submanifold(wide.out_coordinates, (3, 3, 3))
    assert cache.strided(coordinates, window, (6, 6, 6)) is not cache.strided(coordinates, window)
    assert [len(level) for level in cache.levels][:2] == [len(coordinates), down.out_rows]
    assert all(ascending(level) for level in cache.levels)


@pytest.mark.parametrize("move", [copy.deepcopy, lambda pair: pickle.loads(pickle.dumps(pair))])
def test_a_cache_survives_the_way_between_processes(move) -> None:  # type: ignore[no-untyped-def]
    coordinates, cache = random_voxels((4, 4, 4), 0.5, 1, seed=1), KernelMapCache()
    built = cache.submanifold(coordinates, (3, 3, 3))
    moved_coordinates, moved_cache = move((coordinates, cache))
    assert torch.equal(moved_cache.submanifold(moved_coordinates, (3, 3, 3)).inputs, built.inputs)
    assert len(moved_cache.levels) == 1


def test_unsorted_or_repeated_voxels_are_refused() -> None:
    coordinates = random_voxels((4, 4, 4), 0.5, 1, seed=2)
    with pytest.raises(ValueError, match="sorted"):
        KernelMapCache().submanifold(coordinates.flip(0), (3, 3, 3))
    with pytest.raises(ValueError, match="without duplicates"):
        KernelMapCache().submanifold(coordinates.repeat_interleave(2, dim=0), (3, 3, 3))


def test_a_kernel_beyond_the_guard_is_refused() -> None:
    with pytest.raises(ValueError, match="further than 8"):
        KernelMapCache().submanifold(random_voxels((2, 2, 2), 1.0, 1, seed=0), (19, 1, 1))


def test_scans_never_meet() -> None:
    """The last cell of one scan and the first of the next are neighbours in key order, not in space."""
    coordinates = torch.tensor([[0, 0, 0, 0], [0, 5, 5, 5], [1, 0, 0, 0], [1, 5, 5, 5]])
    found = KernelMapCache().submanifold(coordinates, (11, 11, 11))
    assert torch.equal(coordinates[found.inputs, 0], coordinates[found.outputs, 0])
    assert found.pairs == 8
