"""MinkowskiEngine's own layers as outside oracle, and what its engine refuses."""

from __future__ import annotations

import collections
from dataclasses import replace
from typing import Any

import pytest
import torch
from dense_grid import loop_offsets, random_voxels
from engines_here import made_points, open_engine, real_points, relative
from torch import Tensor, nn

from backbones.sparse.engine import Engine, EngineError
from backbones.sparse.geometry import Geometry, Triple
from backbones.sparse.kernel_map import KernelMap, KernelMapCache
from backbones.sparse.layers import StridedConv, SubmanifoldConv, set_engine
from backbones.sparse.minkowski_map import match_rows, turn
from backbones.sparse.packing import pack
from backbones.voxelize import voxelize_first_point

FLOOR = Geometry((2, 2, 2), (2, 2, 2), "floor")


@pytest.mark.parametrize("kernel", [(2, 2, 2), (3, 1, 2), (1, 3, 4)])
def test_offsets_are_renumbered_x_fastest_and_back(kernel: Triple) -> None:
    offsets = loop_offsets(kernel)
    weight = torch.arange(len(offsets)).view(-1, 1, 1).expand(-1, 2, 3)
    turned = turn(weight, kernel)
    assert [offsets[k] for k in turned[:, 0, 0]] == sorted(offsets, key=lambda offset: offset[::-1])
    assert torch.equal(turn(turned, (kernel[2], kernel[1], kernel[0])), weight)


def test_rows_are_matched_by_coordinate() -> None:
    ours = random_voxels((4, 4, 4), 0.5, 2, seed=0)
    shuffled = torch.randperm(len(ours), generator=torch.Generator().manual_seed(1))
    stride = torch.tensor([1, 2, 2, 1])
    theirs = (ours * stride)[shuffled].int()
    order = match_rows(theirs, (2, 2, 1), ours)
    assert order is not None
    assert torch.equal(theirs[order].long() // stride, ours)
    assert match_rows((ours * stride).int(), (2, 2, 1), ours) is None
    with pytest.raises(EngineError, match=f"makes {len(ours)} sites; the kernel map has {len(ours) - 1} others"):
        match_rows(theirs, (2, 2, 1), ours[1:])


@pytest.fixture
def engine() -> Engine:
    return open_engine("minkowski")[0]


@pytest.mark.engine
def test_the_import_leaves_the_standard_library_as_it_is(engine: Engine) -> None:
    assert not hasattr(collections, "Sequence")


@pytest.mark.engine
def test_a_network_with_the_window_rule_is_refused_before_it_runs(engine: Engine) -> None:
    network = nn.Sequential(SubmanifoldConv(2, 2, 3), StridedConv(2, 2, 3, 2, "window"))
    with pytest.raises(EngineError, match=r"'minkowski' can't express the layer 1, a .*window"):
        set_engine(network, engine)
    assert network[0].engine.name == "portable"


@pytest.mark.engine
def test_maps_that_the_library_would_build_differently_are_refused(engine: Engine) -> None:
    maps, coordinates = KernelMapCache(), random_voxels((5, 5, 5), 0.5, 1, seed=2)
    down = maps.strided(coordinates, FLOOR)
    weight = torch.ones(8, 1, 1)

    def convolve(kernel_map: KernelMap) -> Tensor:
        return engine.convolve(torch.ones(kernel_map.in_rows, 1), weight, kernel_map, "forward")

    fewer = replace(
        down, inputs=down.inputs[1:], outputs=down.outputs[1:], counts=(down.counts[0] - 1, *down.counts[1:])
    )
    with pytest.raises(EngineError, match=f"finds {down.pairs} pairs .* where the kernel map has {down.pairs - 1}"):
        convolve(fewer)
    with pytest.raises(EngineError, match="sites; the kernel map has"):
        convolve(replace(down, out_coordinates=down.out_coordinates[1:]))
    same = maps.submanifold(coordinates, (2, 2, 2))
    with pytest.raises(EngineError, match="back along maps of strided convolutions alone"):
        engine.convolve(torch.ones(same.in_rows, 1), weight, same, "inverse")


def check_network(engine: Engine, coordinates: Tensor) -> None:
    """3³ submanifold → 2³ stride 2 → its transpose, in the library's own layers on its own maps, and on the engine."""
    import MinkowskiEngine as library

    draw, maps = torch.Generator().manual_seed(1), KernelMapCache()
    shapes = (27, 5, 16), (8, 16, 24), (8, 24, 8)
    weights = [torch.randn(shape, generator=draw) / 8 for shape in shapes]
    features = torch.randn((len(coordinates), 5), generator=draw)
    same, down = maps.submanifold(coordinates, (3, 3, 3)), maps.strided(coordinates, FLOOR)
    layers: list[Any] = [
        library.MinkowskiConvolution(5, 16, kernel_size=3, dimension=3),
        library.MinkowskiConvolution(16, 24, kernel_size=2, stride=2, dimension=3),
        library.MinkowskiConvolutionTranspose(24, 8, kernel_size=2, stride=2, dimension=3),
    ]
    with torch.no_grad():
        for layer, weight in zip(layers, weights, strict=True):
            layer.kernel.copy_(turn(weight, (3, 3, 3) if len(weight) == 27 else (2, 2, 2)))
        first = layers[0](library.SparseTensor(features, coordinates.int().contiguous()))
        coarse = layers[1](first)
        fine = layers[2](coarse)
        ours = [engine.convolve(features, weights[0], same, "forward")]
        ours.append(engine.convolve(ours[0], weights[1], down, "forward"))
        ours.append(engine.convolve(ours[1], weights[2], down, "inverse"))
    expected = (first, same.out_coordinates, 1), (coarse, down.out_coordinates, 2), (fine, same.out_coordinates, 1)
    for mine, (theirs, sites, step) in zip(ours, expected, strict=True):
        cells = theirs.C.long() // torch.tensor([1, step, step, step])
        order = pack(cells).argsort()
        assert torch.equal(cells[order], sites)
        assert relative(mine, theirs.F[order]) < 1e-6


@pytest.mark.engine
def test_the_librarys_own_network_on_a_made_scan(engine: Engine) -> None:
    check_network(engine, voxelize_first_point(made_points(), 0.2).coordinates)


@pytest.mark.engine
@pytest.mark.real
def test_the_librarys_own_network_on_a_real_scan(engine: Engine) -> None:
    check_network(engine, voxelize_first_point(real_points(), 0.05).coordinates)
