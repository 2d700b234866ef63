"""Every engine that can be used here against loops, dense convolutions and the portable engine."""

from __future__ import annotations

import gc
import weakref

import pytest
import torch
from dense_grid import Triple, densify, loop_pairs, random_voxels, rows_of, sparse
from engines_here import engine_parameters, made_points, open_engine, real_points, relative
from test_dense_oracle import EXTENTS, KERNELS, SCANS, STRIDED, agree, dense_conv
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from backbones.sparse.engine import Direction, Engine, EngineError
from backbones.sparse.geometry import Geometry, Rule
from backbones.sparse.kernel_map import KernelMap, KernelMapCache
from backbones.sparse.layers import InverseConv, SparseConv, StridedConv, SubmanifoldConv, set_engine
from backbones.sparse.portable import PortableEngine
from backbones.voxelize import voxelize_first_point

ENGINES = engine_parameters()
ON_CPU = engine_parameters("portable", "spconv", "minkowski")
GEOMETRIES = {
    "3³": Geometry((3, 3, 3)),
    "1×3×3": Geometry((1, 3, 3)),
    "3×1×1": Geometry((3, 1, 1)),
    "2³ floor": Geometry((2, 2, 2), (2, 2, 2), "floor"),
    "3³ window": Geometry((3, 3, 3), (2, 2, 1), "window"),
}


def kernel_map_of(coordinates: Tensor, geometry: Geometry) -> KernelMap:
    maps = KernelMapCache()
    if geometry.rule == "submanifold":
        return maps.submanifold(coordinates, geometry.kernel_size)
    return maps.strided(coordinates, geometry)


def refuses(engine: Engine, kernel_map: KernelMap) -> bool:
    """Whether the engine can't express a map; then it must say so, of the layer and of the map."""
    if engine.supports(kernel_map.geometry):
        return False
    layer = SubmanifoldConv(1, 1, 1)
    layer.geometry = kernel_map.geometry
    with pytest.raises(EngineError, match="can't express the layer"):
        set_engine(nn.Sequential(layer), engine)
    weight = torch.ones(len(kernel_map.counts), 1, 1)
    with pytest.raises(EngineError, match="can't express a "):
        engine.convolve(torch.ones(kernel_map.in_rows, 1), weight, kernel_map, "forward")
    return True


@pytest.mark.parametrize("geometry", GEOMETRIES.values(), ids=GEOMETRIES)
@pytest.mark.parametrize("name", ENGINES)
def test_each_offset_reads_the_input_that_it_names(name: str, geometry: Geometry) -> None:
    """One-hot probes: with W = e_k, an output is the number of the input at stride · output + offset k."""
    engine, device = open_engine(name)
    coordinates = random_voxels((4, 4, 4), 0.6, 2, seed=0)
    kernel_map = kernel_map_of(coordinates.to(device), geometry)
    if refuses(engine, kernel_map):
        return
    sites = kernel_map.out_coordinates.tolist()
    expected = torch.zeros(geometry.volume, len(sites), 1)
    for k, row, output in loop_pairs(coordinates, sites, geometry.kernel_size, geometry.stride):
        expected[k, output, 0] = 1 + row
    numbers = torch.arange(1.0, 1 + kernel_map.in_rows, device=device)[:, None]
    for k in range(geometry.volume):
        weight = torch.zeros(geometry.volume, 1, 1, device=device)
        weight[k] = 1
        assert torch.equal(engine.convolve(numbers, weight, kernel_map, "forward").cpu(), expected[k])


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("name", ON_CPU)
def test_submanifold_layers_against_dense_ones(name: str, kernel: Triple) -> None:
    engine, _ = open_engine(name)
    x = sparse(random_voxels(EXTENTS, 0.4, SCANS, seed=3), 3, seed=4)
    layer = SubmanifoldConv(3, 5, kernel, bias=True).double()
    set_engine(layer, engine)
    expected = rows_of(dense_conv(densify(x.features, x.coordinates, EXTENTS, SCANS), layer), x.coordinates)
    assert agree(layer(x).features, expected + layer.bias, x.features, layer)


@pytest.mark.parametrize("kernel,stride,rule", STRIDED)
@pytest.mark.parametrize("name", ON_CPU)
def test_strided_and_inverse_layers(name: str, kernel: Triple, stride: Triple, rule: Rule) -> None:
    """The strided layer against the dense one, its inverse against the portable engine's, which is tested so."""
    engine, _ = open_engine(name)
    x = sparse(random_voxels(EXTENTS, 0.2, SCANS, seed=5), 3, seed=6)
    down, up = StridedConv(3, 4, kernel, stride, rule).double(), InverseConv(4, 2, kernel, stride, rule).double()
    if refuses(engine, x.maps.strided(x.coordinates, down.geometry)):
        return
    set_engine(down, engine)
    y = down(x)
    expected = rows_of(dense_conv(densify(x.features, x.coordinates, EXTENTS, SCANS), down), y.coordinates)
    assert agree(y.features, expected, x.features, down)
    y = y.with_features(y.features.detach().requires_grad_())
    wanted = up(y, x).features
    set_engine(up, engine)
    assert agree(up(y, x).features, wanted, y.features, up)


def values_and_gradients(
    engine: Engine, features: Tensor, weight: Tensor, kernel_map: KernelMap, direction: Direction
) -> list[Tensor]:
    """Output, gradient of features and of weight, under a fixed random upstream gradient."""
    leaves = [tensor.clone().requires_grad_() for tensor in (features, weight)]
    output = engine.convolve(*leaves, kernel_map, direction)
    upstream = torch.randn(output.shape, generator=torch.Generator().manual_seed(5)).to(output.device)
    return [output, *torch.autograd.grad(output, leaves, upstream)]


def check_scan(engine: Engine, device: torch.device, coordinates: Tensor, geometry: Geometry) -> None:
    """Compare with the portable engine at 1e-6, and see weights in another order fail."""
    kernel_map, draw = kernel_map_of(coordinates.to(device), geometry), torch.Generator().manual_seed(6)
    if refuses(engine, kernel_map):
        return
    weight = torch.randn((geometry.volume, 24, 32), generator=draw).to(device)
    directions: list[Direction] = ["forward"] if geometry.rule == "submanifold" else ["forward", "inverse"]
    for direction in directions:
        rows = kernel_map.in_rows if direction == "forward" else kernel_map.out_rows
        features = torch.randn((rows, 24), generator=draw).to(device)
        found = values_and_gradients(engine, features, weight, kernel_map, direction)
        expected = values_and_gradients(PortableEngine(), features, weight, kernel_map, direction)
        assert max(relative(a, b) for a, b in zip(found, expected, strict=True)) < 1e-6
        turned = weight.flip(0) if geometry.volume % 2 else weight.roll(1, 0)
        wrong = values_and_gradients(engine, features, turned, kernel_map, direction)
        assert min(relative(wrong[0], expected[0]), relative(wrong[1], expected[1])) > 0.1


@pytest.mark.parametrize("geometry", GEOMETRIES.values(), ids=GEOMETRIES)
@pytest.mark.parametrize("name", ENGINES)
def test_a_made_scan(name: str, geometry: Geometry) -> None:
    check_scan(*open_engine(name), voxelize_first_point(made_points(), 0.2).coordinates, geometry)


@pytest.mark.real
@pytest.mark.parametrize("geometry", GEOMETRIES.values(), ids=GEOMETRIES)
@pytest.mark.parametrize("name", ENGINES)
def test_a_real_scan(name: str, geometry: Geometry) -> None:
    check_scan(*open_engine(name), voxelize_first_point(real_points(), 0.05).coordinates, geometry)


@pytest.mark.parametrize("name", ENGINES)
def test_a_map_of_another_kernel_uses_the_first_slices(name: str) -> None:
    """The rulebooks of released Cylinder3D weights: a 3³ kernel on the map of a 1×3×3 one."""
    engine, device = open_engine(name)
    kernel_map = kernel_map_of(random_voxels((6, 6, 6), 0.5, 1, seed=8).to(device), Geometry((1, 3, 3)))
    wide, features = SubmanifoldConv(4, 5, 3).to(device), torch.randn(kernel_map.in_rows, 4, device=device)
    expected = wide.convolve(features, kernel_map)
    set_engine(wide, engine)
    found = wide.convolve(features, kernel_map)
    assert relative(found, expected) < 1e-6
    for output in (expected, found):
        torch.autograd.backward(output.square().sum())
    assert wide.weight.grad is not None
    assert torch.equal(wide.weight.grad[9:], torch.zeros_like(wide.weight.grad[9:]))


@pytest.mark.parametrize("name", ENGINES)
def test_the_flop_counter_sees_every_pair_once(name: str) -> None:
    engine, device = open_engine(name)
    kernel_map = kernel_map_of(random_voxels((6, 6, 6), 0.5, 2, seed=1).to(device), GEOMETRIES["2³ floor"])
    features = torch.randn(kernel_map.in_rows, 6, device=device, requires_grad=True)
    weight = torch.randn(8, 6, 10, device=device, requires_grad=True)
    with FlopCounterMode(display=False) as counter:
        output = engine.convolve(features, weight, kernel_map, "forward")
    assert counter.get_total_flops() == 2 * kernel_map.pairs * 6 * 10
    with FlopCounterMode(display=False) as counter:
        torch.autograd.backward(output.sum())
    assert counter.get_total_flops() == 4 * kernel_map.pairs * 6 * 10
    output = engine.convolve(features.detach(), weight, kernel_map, "forward")
    with FlopCounterMode(display=False) as counter:
        torch.autograd.backward(output.sum())
    assert counter.get_total_flops() == 2 * kernel_map.pairs * 6 * 10


@pytest.mark.parametrize("name", ENGINES)
def test_autocast_sets_the_type_of_the_result(name: str) -> None:
    engine, device = open_engine(name)
    kernel_map = kernel_map_of(random_voxels((6, 6, 6), 0.5, 2, seed=1).to(device), Geometry((3, 3, 3)))
    features = torch.randn(kernel_map.in_rows, 6, device=device)
    weight = torch.randn(27, 6, 10, device=device, requires_grad=True)
    with torch.autocast(device.type, dtype=torch.bfloat16):
        output = engine.convolve(features, weight, kernel_map, "forward")
        torch.autograd.backward(output.float().sum())
    assert output.dtype == torch.bfloat16
    assert weight.grad is not None
    assert weight.grad.dtype == torch.float32
    assert relative(output, PortableEngine().convolve(features, weight, kernel_map, "forward")) < 2e-2


@pytest.mark.parametrize("name", ENGINES)
def test_factors_that_do_not_fit_are_refused(name: str) -> None:
    engine, device = open_engine(name)
    kernel_map = kernel_map_of(random_voxels((5, 4, 4), 0.5, 1, seed=1).to(device), Geometry((3, 3, 3)))
    features = torch.randn(kernel_map.in_rows, 4, device=device)
    with pytest.raises(ValueError, match=r"float32 but the weight is torch\.float64"):
        engine.convolve(features, torch.randn(27, 4, 4, dtype=torch.float64, device=device), kernel_map, "forward")
    for wrong_features, offsets in ((features[1:], 27), (features[:, :3], 27), (features, 26)):
        with pytest.raises(ValueError, match="do not fit a map"):
            engine.convolve(wrong_features, torch.randn(offsets, 4, 4, device=device), kernel_map, "forward")


@pytest.mark.parametrize("name", ENGINES)
def test_no_voxels_give_no_rows_and_no_gradients(name: str) -> None:
    engine, device = open_engine(name)
    nothing = torch.zeros(0, 4, dtype=torch.int64, device=device)
    for geometry in (Geometry((3, 3, 3)), GEOMETRIES["2³ floor"]):
        kernel_map = kernel_map_of(nothing, geometry)
        weight = torch.randn(geometry.volume, 3, 5, device=device, requires_grad=True)
        output = engine.convolve(torch.zeros(0, 3, device=device), weight, kernel_map, "forward")
        torch.autograd.backward(output.sum())
        assert output.shape == (0, 5)
        assert weight.grad is not None
        assert not weight.grad.any()


@pytest.mark.parametrize("name", ENGINES)
def test_what_an_engine_keeps_of_a_map_dies_with_it(name: str) -> None:
    engine, device = open_engine(name)
    kernel_map = kernel_map_of(random_voxels((5, 4, 4), 0.5, 1, seed=1).to(device), Geometry((3, 3, 3)))
    watched = weakref.ref(kernel_map)
    output = engine.convolve(
        torch.randn(kernel_map.in_rows, 2, device=device), torch.randn(27, 2, 2, device=device), kernel_map, "forward"
    )
    del kernel_map, output
    gc.collect()
    assert watched() is None


@pytest.mark.parametrize("name", ENGINES)
def test_what_a_teacher_builds_in_inference_mode_serves_a_student(name: str) -> None:
    engine, device = open_engine(name)
    x = sparse(random_voxels((5, 4, 4), 0.5, 1, seed=1).to(device), 3, seed=2)
    x = x.with_features(x.features.detach().float().to(device))
    layer: SparseConv = SubmanifoldConv(3, 4, 3).to(device)
    set_engine(layer, engine)
    with torch.inference_mode():
        expected = layer(x).features
    found = layer(x).features
    torch.autograd.backward(found.sum())
    assert torch.equal(found, expected)
    assert layer.weight.grad is not None
