from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from dense_grid import random_voxels
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch import Tensor

from backbones.sparse.geometry import Geometry
from backbones.sparse.kernel_map import KernelMap, KernelMapCache
from backbones.sparse.native.kernel import Kernel, load_kernel

KERNEL = load_kernel()
pytestmark = pytest.mark.skipif(KERNEL is None, reason="no C++ compiler here, so no compiled kernel")
Pairs = tuple[Tensor, Tensor, list[int]]


def the_kernel() -> Kernel:
    assert KERNEL is not None
    return KERNEL


@pytest.fixture(autouse=True)
def _threads() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def random_pairs(in_rows: int, out_rows: int, offsets: int, share: float, seed: int, sort: bool = False) -> Pairs:
    """Pairs in any order, one-to-one within an offset."""
    draw, sources, targets, counts = np.random.default_rng(seed), [], [], []
    for _ in range(offsets):
        count = int(share * min(in_rows, out_rows))
        chosen = draw.permutation(out_rows)[:count]
        sources.append(draw.permutation(in_rows)[:count])
        targets.append(np.sort(chosen) if sort else chosen)
        counts.append(count)
    return torch.tensor(np.concatenate(sources)), torch.tensor(np.concatenate(targets)), counts


def by_loops(x: Tensor, weight: Tensor, gradient: Tensor, pairs: Pairs) -> list[Tensor]:
    """Output and both gradients, pair by pair, in float64."""
    sources, targets, counts = pairs
    features, factors, upstream = (t.double().numpy() for t in (x, weight, gradient))
    output, for_features, for_weight = np.zeros_like(upstream), np.zeros_like(features), np.zeros_like(factors)
    offsets = [k for k, count in enumerate(counts) for _ in range(count)]
    for k, s, t in zip(offsets, sources.tolist(), targets.tolist(), strict=True):
        output[t] += features[s] @ factors[k]
        for_features[s] += factors[k] @ upstream[t]
        for_weight[k] += np.outer(features[s], upstream[t])
    return [torch.tensor(found) for found in (output, for_features, for_weight)]


def by_kernel(x: Tensor, weight: Tensor, gradient: Tensor, pairs: Pairs) -> list[Tensor]:
    output = the_kernel().multiply(x, weight, *pairs, len(gradient))
    return [output, *the_kernel().differentiate(gradient, x, weight, *pairs, True, True)]


def factors(
    in_rows: int, out_rows: int, offsets: int, c_in: int, c_out: int, seed: int
) -> tuple[Tensor, Tensor, Tensor]:
    draw = torch.Generator().manual_seed(seed)
    shapes = (in_rows, c_in), (offsets, c_in, c_out), (out_rows, c_out)
    x, weight, gradient = (torch.randn(shape, generator=draw) for shape in shapes)
    return x, weight, gradient


def assert_close(found: list[Tensor], x: Tensor, weight: Tensor, gradient: Tensor, pairs: Pairs) -> None:
    """Compare with the loops; float32 errs in proportion to the sizes of the products, however far they cancel."""
    wanted, sizes = by_loops(x, weight, gradient, pairs), by_loops(x.abs(), weight.abs(), gradient.abs(), pairs)
    for a, b, size in zip(found, wanted, sizes, strict=True):
        assert a.shape == b.shape
        assert (a.double() - b).norm() <= 5e-7 * size.norm()


@given(
    rows=st.tuples(st.integers(0, 30), st.integers(0, 30)),
    offsets=st.integers(1, 4),
    channels=st.tuples(st.integers(1, 140), st.integers(1, 140)),
    share=st.sampled_from([0.0, 0.3, 1.0]),
    seed=st.integers(0, 2**16),
)
@example(rows=(7, 4), offsets=1, channels=(1, 140), share=0.3, seed=1)  # products that nearly cancel
@settings(max_examples=60, deadline=None)
def test_any_shape_is_what_loops_give(
    rows: tuple[int, int], offsets: int, channels: tuple[int, int], share: float, seed: int
) -> None:
    tensors = factors(*rows, offsets, *channels, seed)
    pairs = random_pairs(*rows, offsets, share, seed)
    assert_close(by_kernel(*tensors, pairs), *tensors, pairs)


@pytest.mark.parametrize("channels", [(1, 1), (4, 20), (96, 33), (130, 64)])
def test_many_blocks_and_slices_are_what_loops_give(channels: tuple[int, int]) -> None:
    """Enough rows for several blocks of outputs and enough pairs for several partial weight gradients."""
    tensors = factors(9000, 8500, 2, *channels, seed=1)
    pairs = random_pairs(9000, 8500, 2, 0.8, seed=2, sort=True)
    assert_close(by_kernel(*tensors, pairs), *tensors, pairs)


def maps() -> list[KernelMap]:
    coordinates, cache = random_voxels((6, 5, 5), 0.4, 2, seed=3), KernelMapCache()
    strided = Geometry((2, 2, 2), (2, 2, 2), "floor"), Geometry((3, 3, 3), (2, 2, 1), "window")
    return [
        cache.submanifold(coordinates, (3, 3, 3)),
        cache.submanifold(coordinates, (1, 3, 3)),
        cache.submanifold(coordinates, (2, 2, 2)),
        *(cache.strided(coordinates, geometry) for geometry in strided),
    ]


@pytest.mark.parametrize("number", range(5))
def test_every_kind_of_map_both_ways(number: int) -> None:
    """Pairs ascend in both columns, so that neither way needs sorting."""
    found = maps()[number]
    counts, offsets = list(found.counts), len(found.counts)
    ways = (
        (found.inputs, found.outputs, found.in_rows, found.out_rows),
        (
            found.outputs,
            found.inputs,
            found.out_rows,
            found.in_rows,
        ),
    )
    for sources, targets, in_rows, out_rows in ways:
        assert all(bool((part.diff() > 0).all()) for part in torch.split(targets, counts))
        tensors = factors(in_rows, out_rows, offsets, 7, 18, seed=4)
        pairs = sources, targets, counts
        assert_close(by_kernel(*tensors, pairs), *tensors, pairs)


def test_results_do_not_depend_on_threads_nor_change_when_repeated() -> None:
    tensors, pairs = factors(9000, 9000, 3, 64, 96, seed=5), random_pairs(9000, 9000, 3, 0.9, seed=6)
    results = []
    for threads in (1, 2, 5, 1):
        torch.set_num_threads(threads)
        results.append(by_kernel(*tensors, pairs))
    for other in results[1:]:
        assert all(torch.equal(a, b) for a, b in zip(results[0], other, strict=True))


def test_the_order_of_the_pairs_of_an_offset_does_not_matter() -> None:
    tensors = factors(50, 40, 2, 9, 17, seed=7)
    sources, targets, counts = random_pairs(50, 40, 2, 0.9, seed=8, sort=True)
    back, there = (torch.cat([part.flip(0) for part in torch.split(rows, counts)]) for rows in (sources, targets))
    straight, turned = by_kernel(*tensors, (sources, targets, counts)), by_kernel(*tensors, (back, there, counts))
    assert all(torch.equal(a, b) for a, b in zip(straight, turned, strict=True))


def test_views_and_narrow_indices_are_understood() -> None:
    x, weight, gradient = factors(30, 30, 3, 6, 10, seed=9)
    sources, targets, counts = random_pairs(30, 30, 3, 0.7, seed=10)
    turned, narrow = weight.transpose(1, 2).contiguous().transpose(1, 2), torch.stack([targets] * 2, 1)[:, 0]
    views = x.t().contiguous().t(), turned, gradient[:1].expand(30, -1)
    found = by_kernel(*views, (sources.int(), narrow, counts))
    assert_close(found, x, weight, gradient[:1].repeat(30, 1), (sources, targets, counts))


def test_wrong_pairs_are_refused_before_memory_is_touched() -> None:
    x, weight, _ = factors(10, 10, 2, 3, 3, seed=11)
    rows = torch.arange(10)
    for wrong in (torch.full((10,), 10), torch.full((10,), -1), torch.full((10,), 2**62)):
        with pytest.raises(IndexError, match="does not exist"):
            the_kernel().multiply(x, weight, wrong, rows, [4, 6], 10)
        with pytest.raises(IndexError, match="does not exist"):
            the_kernel().weight_gradient(x, x, rows, wrong, [4, 6])
    with pytest.raises(ValueError, match="repeats"):
        the_kernel().multiply(x, weight, rows, torch.zeros(10, dtype=torch.int64), [4, 6], 10)
    with pytest.raises(ValueError, match="counts of 9 pairs"):
        the_kernel().multiply(x, weight, rows, rows, [4, 5], 10)


def test_more_than_2_to_the_31_numbers_are_addressed() -> None:
    rows = (1 << 31) // 64 + 8
    try:
        features = torch.empty(rows, 64)  # only two of its pages are ever touched
    except RuntimeError:
        pytest.skip("the machine does not lend 8.6 GB of address space")
    features[[0, rows - 1]] = torch.tensor([[1.0], [3.0]])
    weight, ends = torch.eye(64)[None], torch.tensor([0, rows - 1])
    output = the_kernel().multiply(features, weight, ends, torch.tensor([0, 1]), [2], 2)
    assert output[:, 5].tolist() == [1, 3]
    gradient = the_kernel().weight_gradient(features, output, ends, torch.tensor([0, 1]), [2])
    assert gradient[0, 2, 3].item() == 10
