"""spconv's own layers as outside oracle, the mends of its CPU wheel, and the table that it reads."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from dense_grid import loop_offsets, random_voxels
from engines_here import made_points, open_engine, real_points, relative
from torch import Tensor

from backbones.sparse.geometry import Geometry, Triple
from backbones.sparse.indexed_pairs import pair_table
from backbones.sparse.kernel_map import KernelMap, KernelMapCache
from backbones.sparse.packing import pack
from backbones.sparse.portable import PortableEngine
from backbones.voxelize import voxelize_first_point

EXTENTS: Triple = (4096, 4096, 512)
"""Cells per axis of the strided layers' grid: beyond every scan, and even as often as a network halves it."""


def test_a_pair_table_holds_every_pair_in_order_and_then_nothing() -> None:
    kernel_map = KernelMapCache().submanifold(random_voxels((4, 3, 3), 0.5, 2, seed=0), (3, 1, 3))
    table, counts = pair_table(kernel_map)
    pairs = list(zip(kernel_map.inputs.tolist(), kernel_map.outputs.tolist(), strict=True))
    assert table.shape == (2, 9, max(kernel_map.counts))
    assert counts.tolist() == list(kernel_map.counts)
    for k, count in enumerate(kernel_map.counts):
        mine, pairs = pairs[:count], pairs[count:]
        assert list(zip(*table[:, k, :count].tolist(), strict=True)) == mine
        assert bool((table[:, k, count:] == -1).all())
    assert (table.dtype, counts.dtype) == (torch.int32, torch.int32)


@pytest.fixture
def library() -> Iterator[Any]:
    """The library's layers, on one thread: its own scatter-add is not safe with more in the CPU wheel."""
    open_engine("spconv")
    import spconv.pytorch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield spconv.pytorch
    torch.set_num_threads(threads)


def own_sites(library: Any, features: Tensor, coordinates: Tensor) -> Any:
    return library.SparseConvTensor(features, coordinates.int().contiguous(), list(EXTENTS), 1)


def own_layer(kind: Any, weight: Tensor, kernel: Triple, **settings: Any) -> Any:
    """A layer of the library with our weights [K, C_in, C_out] in its layout, written out offset by offset."""
    import spconv.pytorch

    layer = kind(*weight.shape[1:], list(kernel), bias=False, algo=spconv.pytorch.ConvAlgo.Native, **settings)
    with torch.no_grad():
        for k, offset in enumerate(loop_offsets(kernel)):
            x, y, z = (o + (size // 2 if size % 2 else 0) for o, size in zip(offset, kernel, strict=True))
            layer.weight[:, x, y, z] = weight[k].t()
    return layer.eval()


def own_pairs(tensor: Any, key: str) -> list[int]:
    """Pairs per offset of the map that the library stored under a key."""
    counts: list[int] = (tensor.indice_dict[key].indice_pairs[0] >= 0).sum(1).tolist()
    return counts


def by_coordinate(tensor: Any) -> tuple[Tensor, Tensor]:
    """The library's coordinates and features in the order of our keys."""
    coordinates = tensor.indices.long()
    order = pack(coordinates).argsort()
    return coordinates[order], tensor.features[order]


def check_network(library: Any, coordinates: Tensor) -> None:
    """3³ submanifold → 3³ stride 2 → inverse, in the library's own layers on its own maps, and on the engine."""
    engine, draw, maps = open_engine("spconv")[0], torch.Generator().manual_seed(1), KernelMapCache()
    weights = [torch.randn((27, *shape), generator=draw) / 8 for shape in ((5, 16), (16, 24), (24, 8))]
    features = torch.randn((len(coordinates), 5), generator=draw)
    kernel: Triple = (3, 3, 3)
    same = maps.submanifold(coordinates, kernel)
    down = maps.strided(coordinates, Geometry(kernel, (2, 2, 2), "window"), EXTENTS)
    with torch.no_grad():
        first = own_layer(library.SubMConv3d, weights[0], kernel, indice_key="same")(
            own_sites(library, features, coordinates)
        )
        coarse = own_layer(library.SparseConv3d, weights[1], kernel, stride=2, padding=1, indice_key="down")(first)
        fine = own_layer(library.SparseInverseConv3d, weights[2], kernel, indice_key="down")(coarse)
        ours = [engine.convolve(features, weights[0], same, "forward")]
        ours.append(engine.convolve(ours[0], weights[1], down, "forward"))
        ours.append(engine.convolve(ours[1], weights[2], down, "inverse"))
    assert own_pairs(first, "same") == list(same.counts)
    assert own_pairs(coarse, "down") == list(down.counts)
    for theirs, mine, sites in zip((first, coarse, fine), ours, (same, down, same), strict=True):
        found, expected = by_coordinate(theirs)
        assert torch.equal(found, sites.out_coordinates)
        assert relative(mine, expected) < 1e-6


@pytest.mark.engine
def test_the_librarys_own_network_on_a_made_scan(library: Any) -> None:
    check_network(library, voxelize_first_point(made_points(), 0.2).coordinates)


@pytest.mark.engine
@pytest.mark.real
def test_the_librarys_own_network_on_a_real_scan(library: Any) -> None:
    check_network(library, voxelize_first_point(real_points(), 0.05).coordinates)


@pytest.mark.engine
@pytest.mark.real
def test_the_librarys_own_levels_of_a_cylindrical_scan(library: Any) -> None:
    """Sites and pairs of four strided convolutions on Cylinder3D's grid."""
    from backbones.build import build_voxelizer

    coordinates = build_voxelizer("cylinder3d", None, {})(real_points()).coordinates
    maps, extents = KernelMapCache(), (480, 360, 32)
    theirs = library.SparseConvTensor(torch.ones(len(coordinates), 1), coordinates.int().contiguous(), list(extents), 1)
    sites = [len(coordinates)]
    for level, stride in enumerate(((2, 2, 2), (2, 2, 2), (2, 2, 1), (2, 2, 1))):
        geometry = Geometry((3, 3, 3), stride, "window")
        ours = maps.strided(coordinates, geometry, extents)
        with torch.no_grad():
            theirs = own_layer(
                library.SparseConv3d, torch.ones(27, 1, 1), (3, 3, 3), stride=stride, padding=1, indice_key=str(level)
            )(theirs)
        assert torch.equal(by_coordinate(theirs)[0], ours.out_coordinates)
        assert own_pairs(theirs, str(level)) == list(ours.counts)
        coordinates, extents = ours.out_coordinates, geometry.coarsen(extents)
        assert theirs.spatial_shape == list(extents)
        sites.append(len(coordinates))
    assert sites == [38576, 32586, 13745, 8458, 3623]


@pytest.fixture
def two_threads() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(threads)


@pytest.mark.engine
def test_repeated_calls_on_two_threads_are_right_and_equal(two_threads: None) -> None:
    """Without its mend the CPU wheel is off by 2 to 6 % in up to all of these calls."""
    engine, _ = open_engine("spconv")
    coordinates = voxelize_first_point(made_points(every=3), 0.2).coordinates
    kernel_map, draw = KernelMapCache().submanifold(coordinates, (3, 3, 3)), torch.Generator().manual_seed(2)
    features = torch.randn((len(coordinates), 32), generator=draw).requires_grad_()
    weight = torch.randn((27, 32, 32), generator=draw).requires_grad_()

    def run(on: Any, kernel_map: KernelMap) -> list[Tensor]:
        output = on.convolve(features, weight, kernel_map, "forward")
        return [output, *torch.autograd.grad(output, (features, weight), torch.ones_like(output))]

    expected, first = run(PortableEngine(), kernel_map), run(engine, kernel_map)
    assert max(relative(a, b) for a, b in zip(first, expected, strict=True)) < 1e-6
    for _ in range(30):
        assert all(torch.equal(a, b) for a, b in zip(run(engine, kernel_map), first, strict=True))
    assert torch.get_num_threads() == 2


@pytest.mark.engine
def test_the_mends_leave_the_library_as_it_is() -> None:
    open_engine("spconv")
    import spconv.pytorch.cppcore
    import spconv.pytorch.ops

    from backbones.sparse.spconv import mended

    before = dict(vars(spconv.pytorch.ops))
    forward, backward = mended(spconv.pytorch.ops)
    assert vars(spconv.pytorch.ops) == before
    assert spconv.pytorch.ops.get_current_stream is spconv.pytorch.cppcore.get_current_stream
    for mine, theirs in ((forward, before["indice_conv"]), (backward, before["indice_conv_backward"])):
        assert mine.__code__ is theirs.__code__
        assert mine.__globals__["get_current_stream"]() == 0
