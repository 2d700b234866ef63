from __future__ import annotations

import os
import pickle
import subprocess
import sys

import pytest
import torch
from dense_grid import random_voxels, sparse
from torch.autograd import gradcheck

from backbones.sparse.engine import Direction
from backbones.sparse.geometry import Geometry
from backbones.sparse.kernel_map import KernelMap, KernelMapCache
from backbones.sparse.native.kernel import load_kernel
from backbones.sparse.portable import PortableEngine, load

FLOOR, WINDOW = Geometry((2, 2, 2), (2, 2, 2), "floor"), Geometry((3, 3, 3), (2, 2, 1), "window")


@pytest.fixture(params=["plain", "native"])
def engine(request: pytest.FixtureRequest) -> PortableEngine:
    """Plain PyTorch, then the compiled kernel where this machine has one."""
    if request.param == "native" and load_kernel() is None:
        pytest.skip("no C++ compiler here, so no compiled kernel")
    return PortableEngine(native=request.param == "native")


def submanifold_map(seed: int = 0, share: float = 0.4) -> KernelMap:
    return KernelMapCache().submanifold(random_voxels((5, 4, 4), share, 2, seed), (3, 3, 3))


def test_gradients_match_finite_differences(engine: PortableEngine) -> None:
    coordinates, draw = random_voxels((3, 3, 3), 0.5, 1, seed=1), torch.Generator().manual_seed(2)
    cache = KernelMapCache()
    maps = [
        cache.submanifold(coordinates, (3, 1, 3)),
        cache.strided(coordinates, FLOOR),
        cache.strided(coordinates, WINDOW),
    ]
    for kernel_map in maps:
        weight = torch.randn((len(kernel_map.counts), 2, 3), generator=draw, dtype=torch.float64, requires_grad=True)
        fine = torch.randn((kernel_map.in_rows, 2), generator=draw, dtype=torch.float64, requires_grad=True)
        coarse = torch.randn((kernel_map.out_rows, 2), generator=draw, dtype=torch.float64, requires_grad=True)
        assert gradcheck(lambda x, w, m=kernel_map: engine.convolve(x, w, m, "forward"), (fine, weight))
        assert gradcheck(lambda x, w, m=kernel_map: engine.convolve(x, w, m, "inverse"), (coarse, weight))


@pytest.mark.parametrize("way", ["chunks", "blocks"])
@pytest.mark.parametrize("rows", [1, 7, 64])
def test_results_do_not_depend_on_chunks_or_blocks(way: str, rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    plain, draw = PortableEngine(), torch.Generator().manual_seed(3)

    def kernel_map() -> KernelMap:
        if way == "blocks":
            return submanifold_map()
        return KernelMapCache().strided(random_voxels((5, 4, 4), 0.4, 2, seed=0), WINDOW)

    shape = (kernel_map().in_rows, 4), (27, 4, 4)
    x, w = (torch.randn(size, generator=draw, dtype=torch.float64, requires_grad=True) for size in shape)
    whole = plain.convolve(x, w, kernel_map(), "forward")
    wanted = torch.autograd.grad(whole.square().sum(), (x, w))
    monkeypatch.setattr("backbones.sparse.chunks.CACHE_BYTES", rows * 64)
    monkeypatch.setattr("backbones.sparse.blocks.BLOCK_ROWS", rows)
    cut = plain.convolve(x, w, kernel_map(), "forward")
    found = torch.autograd.grad(cut.square().sum(), (x, w))
    for a, b in zip((whole, *wanted), (cut, *found), strict=True):
        assert torch.allclose(a, b, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("direction", ["forward", "inverse"])
@pytest.mark.parametrize("number", range(4))
def test_float32_is_float64_rounded(engine: PortableEngine, number: int, direction: Direction) -> None:
    """All three ways of computing against the plain one in float64."""
    coordinates, cache = random_voxels((6, 5, 5), 0.4, 2, seed=9), KernelMapCache()
    submanifold = [cache.submanifold(coordinates, kernel) for kernel in ((3, 3, 3), (2, 2, 2))]
    kernel_map = [*submanifold, *(cache.strided(coordinates, geometry) for geometry in (FLOOR, WINDOW))][number]
    rows = kernel_map.in_rows if direction == "forward" else kernel_map.out_rows
    draw = torch.Generator().manual_seed(10)
    factors = torch.randn(rows, 21, generator=draw), torch.randn(len(kernel_map.counts), 21, 34, generator=draw)

    def run(dtype: torch.dtype, by: PortableEngine) -> list[torch.Tensor]:
        x, w = (factor.to(dtype).requires_grad_() for factor in factors)
        output = by.convolve(x, w, kernel_map, direction)
        return [output, *torch.autograd.grad(output.square().sum(), (x, w))]

    for found, wanted in zip(run(torch.float32, engine), run(torch.float64, PortableEngine()), strict=True):
        assert (found.double() - wanted).norm() < 1e-6 * wanted.norm()


@pytest.mark.parametrize("wanted", [0, 1])
def test_one_gradient_alone(engine: PortableEngine, wanted: int) -> None:
    kernel_map, draw = submanifold_map(), torch.Generator().manual_seed(11)
    shapes = (kernel_map.in_rows, 5), (27, 5, 6)
    x, w = (torch.randn(shape, generator=draw, requires_grad=True) for shape in shapes)
    both = torch.autograd.grad(engine.convolve(x, w, kernel_map, "forward").square().sum(), (x, w))
    lone = [factor.detach().requires_grad_(number == wanted) for number, factor in enumerate((x, w))]
    (alone,) = torch.autograd.grad(
        engine.convolve(lone[0], lone[1], kernel_map, "forward").square().sum(), lone[wanted]
    )
    assert torch.equal(alone, both[wanted])


def test_load_takes_the_kernel_where_there_is_one_and_the_version_says_so() -> None:
    there = load_kernel() is not None
    assert load() == PortableEngine(native=there)
    assert load().version == ("2+c++" if there else "2")
    assert PortableEngine().version == "2"
    assert pickle.loads(pickle.dumps(load())) == load()


def test_the_kernel_is_not_promised_where_it_is_missing() -> None:
    """In a process that is told to do without."""
    code = "from backbones.sparse.portable import *\nassert load() == PortableEngine()\nPortableEngine(native=True)"
    environment = {**os.environ, "HARNESS_NATIVE": "0"}
    ended = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert "EngineError: The compiled kernel of the engine 'portable' can't be had here" in ended.stderr


def test_results_repeat_bit_for_bit(engine: PortableEngine) -> None:
    kernel_map = submanifold_map(share=0.8)
    features = torch.randn(kernel_map.in_rows, 32, requires_grad=True)
    weight = torch.randn(27, 32, 32, requires_grad=True)

    def run() -> list[torch.Tensor]:
        output = engine.convolve(features, weight, kernel_map, "forward")
        return [output, *torch.autograd.grad(output.square().sum(), (features, weight))]

    assert all(torch.equal(a, b) for a, b in zip(run(), run(), strict=True))


@pytest.mark.parametrize("lower,tolerance", [(torch.bfloat16, 2e-2), (torch.float16, 3e-3)])
def test_half_types_stay_near_float32(engine: PortableEngine, lower: torch.dtype, tolerance: float) -> None:
    kernel_map, draw = submanifold_map(), torch.Generator().manual_seed(4)
    features, weight = torch.randn((kernel_map.in_rows, 8), generator=draw), torch.randn((27, 8, 8), generator=draw)

    def run(dtype: torch.dtype) -> list[torch.Tensor]:
        x, w = (t.to(dtype).requires_grad_() for t in (features, weight))
        output = engine.convolve(x, w, kernel_map, "forward")
        assert output.dtype == dtype
        return [output.float(), *(g.float() for g in torch.autograd.grad(output.sum(), (x, w)))]

    for a, b in zip(run(lower), run(torch.float32), strict=True):
        assert (a - b).norm() < tolerance * b.norm()


def test_half_types_are_summed_in_float32(engine: PortableEngine) -> None:
    """2048 + 26 · 1: in float16 the ones would vanish one by one."""
    kernel_map = KernelMapCache().submanifold(random_voxels((3, 3, 3), 1.0, 1, seed=0), (3, 3, 3))
    weight = torch.ones(27, 1, 1, dtype=torch.float16)
    weight[13] = 2048
    output = engine.convolve(torch.ones(27, 1, dtype=torch.float16), weight, kernel_map, "forward")
    assert output[13].item() == 2074


def test_autocast_lowers_both_factors(engine: PortableEngine) -> None:
    kernel_map = submanifold_map()
    features, weight = torch.randn(kernel_map.in_rows, 4), torch.randn(27, 4, 4, requires_grad=True)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        output = engine.convolve(features, weight, kernel_map, "forward")
    torch.autograd.backward(output.sum())
    assert output.dtype == torch.bfloat16
    assert weight.grad is not None
    assert weight.grad.dtype == torch.float32


def test_factors_of_two_types_or_wrong_shape_are_refused(engine: PortableEngine) -> None:
    kernel_map = submanifold_map()
    features = torch.randn(kernel_map.in_rows, 4)
    with pytest.raises(ValueError, match=r"float32 but the weight is torch\.float64"):
        engine.convolve(features, torch.randn(27, 4, 4, dtype=torch.float64), kernel_map, "forward")
    for wrong_features, offsets in ((features[1:], 27), (features[:, :3], 27), (features, 26)):
        with pytest.raises(ValueError, match="do not fit a map"):
            engine.convolve(wrong_features, torch.randn(offsets, 4, 4), kernel_map, "forward")


@pytest.mark.parametrize("geometry", [FLOOR, WINDOW])
def test_no_voxels_at_all(engine: PortableEngine, geometry: Geometry) -> None:
    cache, nothing = KernelMapCache(), torch.zeros((0, 4), dtype=torch.int64)
    for kernel_map in (cache.submanifold(nothing, (3, 3, 3)), cache.strided(nothing, geometry)):
        features = torch.zeros(0, 3, requires_grad=True)
        weight = torch.randn(len(kernel_map.counts), 3, 5, requires_grad=True)
        output = engine.convolve(features, weight, kernel_map, "forward")
        torch.autograd.backward(output.sum())
        assert output.shape == (0, 5)
        assert weight.grad is not None
        assert not weight.grad.any()


def test_strided_gradients_from_expanded_tensors(engine: PortableEngine) -> None:
    """A sum sends back an expanded tensor of stride 0; a transposed input is not contiguous."""
    x = sparse(random_voxels((4, 4, 4), 0.5, 1, seed=5), 6, seed=6)
    kernel_map = x.maps.submanifold(x.coordinates, (3, 3, 3))
    weight = torch.randn(27, 6, 6, dtype=torch.float64, requires_grad=True)
    turned = x.features.detach().t().contiguous().t().requires_grad_()
    for features in (x.features, turned):
        torch.autograd.backward(engine.convolve(features, weight, kernel_map, "forward").sum())
    assert x.features.grad is not None
    assert turned.grad is not None
    assert torch.allclose(x.features.grad, turned.grad, rtol=1e-12)


def test_maps_built_in_inference_mode_serve_a_backward_pass(engine: PortableEngine) -> None:
    coordinates, cache = random_voxels((4, 4, 4), 0.5, 1, seed=7), KernelMapCache()
    with torch.inference_mode():
        coarse = cache.strided(coordinates, FLOOR).out_coordinates
        cache.submanifold(coarse, (3, 3, 3))
    features = torch.randn(len(coarse), 2, requires_grad=True)
    torch.autograd.backward(
        engine.convolve(features, torch.randn(27, 2, 2), cache.submanifold(coarse, (3, 3, 3)), "forward").sum()
    )
    assert features.grad is not None


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_cuda_agrees_with_the_cpu_and_repeats(engine: PortableEngine) -> None:
    coordinates = random_voxels((12, 12, 12), 0.3, 2, seed=8)
    features, weight = torch.randn(len(coordinates), 16), torch.randn(27, 16, 16)

    def run(device: str) -> list[torch.Tensor]:
        kernel_map = KernelMapCache().submanifold(coordinates.to(device), (3, 3, 3))
        x, w = (t.to(device, torch.float64).requires_grad_() for t in (features, weight))
        output = engine.convolve(x, w, kernel_map, "forward")
        return [output.cpu(), *(g.cpu() for g in torch.autograd.grad(output.square().sum(), (x, w)))]

    first, again, reference = run("cuda"), run("cuda"), run("cpu")
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert all(torch.allclose(a, b, rtol=1e-10) for a, b in zip(first, reference, strict=True))
