"""What engines say they multiply, against what they are seen to multiply."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from dense_grid import random_voxels
from engines_here import engine_parameters, open_engine
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch.utils.flop_counter import FlopCounterMode

from backbones.sparse import blocks, chunks
from backbones.sparse.engine import Direction
from backbones.sparse.geometry import Geometry
from backbones.sparse.indexed_pairs import IndexedPairsEngine
from backbones.sparse.kernel_map import KernelMap, KernelMapCache
from backbones.sparse.native.kernel import load_kernel
from backbones.sparse.portable import PortableEngine

KERNEL = load_kernel()
compiled = pytest.mark.skipif(KERNEL is None, reason="no C++ compiler here, so no compiled kernel")
GEOMETRIES = {
    "3³": Geometry((3, 3, 3)),
    "1×3×3": Geometry((1, 3, 3)),
    "2³ floor": Geometry((2, 2, 2), (2, 2, 2), "floor"),
    "3³ window": Geometry((3, 3, 3), (2, 2, 1), "window"),
}
MACHINES = {224: (16, 32), 104: (8, 16), 56: (4, 32), 52: (4, 16)}
"""Numbers of a vector and number of vector registers, by the products of one pair of single channels."""


def map_of(geometry: Geometry, seed: int = 0) -> KernelMap:
    coordinates, maps = random_voxels((9, 8, 7), 0.4, 2, seed), KernelMapCache()
    if geometry.rule == "submanifold":
        return maps.submanifold(coordinates, geometry.kernel_size)
    return maps.strided(coordinates, geometry)


def ends(kernel_map: KernelMap, direction: Direction) -> tuple[torch.Tensor, torch.Tensor, int, int]:
    """Sources, targets, rows read and rows written."""
    inputs, outputs = kernel_map.inputs, kernel_map.outputs
    if direction == "inverse":
        return outputs, inputs, kernel_map.out_rows, kernel_map.in_rows
    return inputs, outputs, kernel_map.in_rows, kernel_map.out_rows


@pytest.mark.parametrize("direction", ["forward", "inverse"])
@pytest.mark.parametrize("geometry", GEOMETRIES.values(), ids=GEOMETRIES)
def test_plain_pytorch_multiplies_what_it_says(geometry: Geometry, direction: Direction) -> None:
    kernel_map = map_of(geometry)
    sources, targets, read, written = ends(kernel_map, direction)
    features, weight = torch.randn(read, 5), torch.randn(geometry.volume, 5, 3)
    said = PortableEngine().executed_macs(kernel_map, 5, 3, direction)
    with FlopCounterMode(display=False) as counter:
        chunks.multiply(features, weight, sources, targets, kernel_map.counts, written, geometry.identity)
    assert counter.get_total_flops() == 2 * said
    if geometry.symmetric and direction == "forward":
        own = kernel_map.blocks
        regrouped = own.sources, own.targets, own.counts, geometry.identity, own.order, own.starts
        with FlopCounterMode(display=False) as counter:
            blocks.multiply(features, weight, *regrouped)
        assert counter.get_total_flops() == 2 * said


def by_tiles(targets: list[list[int]], rows: int, depth: int, width: int, lanes: int, registers: int) -> int:
    """Products of the compiled kernel: groups of rows in every block of outputs, vectors of columns in every panel."""
    most = 4 if registers == 32 else 2
    block = min(max(2**20 // 4 // (depth + width), 64), 4096)
    total = 0
    for offset in targets:
        for top in range(0, rows, block):
            here = sum(top <= target < top + block for target in offset)
            vectors = -(-width // lanes)
            while vectors > 0:
                taken = min(vectors, most)
                at_once = min(14, (registers - taken - 2) // taken)
                total += -(-here // at_once) * at_once * taken * lanes * depth
                vectors -= taken
    return total


@compiled
@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 400),
    st.integers(1, 4),
    st.integers(0, 100),
    st.integers(1, 70),
    st.integers(1, 200),
    st.integers(0, 9),
)
@example(300, 3, 50, 5000, 130, 0)
@example(64, 1, 100, 1, 64, 0)
def test_the_compiled_kernel_counts_its_tiles(
    rows: int, offsets: int, percent: int, depth: int, width: int, seed: int
) -> None:
    assert KERNEL is not None
    draw = np.random.default_rng(seed)
    targets = [sorted(draw.permutation(rows)[: rows * percent // 100].tolist()) for _ in range(offsets)]
    flat = torch.tensor([target for offset in targets for target in offset], dtype=torch.int64)
    lanes, registers = MACHINES[KERNEL.products(torch.zeros(1, dtype=torch.int64), [1], 1, 1, 1)]
    found = KERNEL.products(flat, [len(offset) for offset in targets], rows, depth, width)
    assert found == by_tiles(targets, rows, depth, width, lanes, registers)
    assert found >= len(flat) * depth * width


@compiled
@pytest.mark.parametrize("direction", ["forward", "inverse"])
@pytest.mark.parametrize("geometry", GEOMETRIES.values(), ids=GEOMETRIES)
def test_the_portable_engine_asks_the_kernel_that_computes(geometry: Geometry, direction: Direction) -> None:
    assert KERNEL is not None
    kernel_map = map_of(geometry)
    _, targets, _, written = ends(kernel_map, direction)
    said = PortableEngine(native=True).executed_macs(kernel_map, 20, 33, direction)
    split = [part.tolist() for part in targets.split(list(kernel_map.counts))]
    lanes, registers = MACHINES[KERNEL.products(torch.zeros(1, dtype=torch.int64), [1], 1, 1, 1)]
    assert said == by_tiles(split, written, 20, 33, lanes, registers)
    assert said > kernel_map.pairs * 20 * 33


@pytest.mark.parametrize("name", engine_parameters("spconv", "minkowski"))
def test_libraries_on_a_cpu_multiply_every_pair_once(name: str) -> None:
    engine, device = open_engine(name)
    kernel_map = map_of(GEOMETRIES["2³ floor"])
    assert device.type == "cpu"
    assert engine.executed_macs(kernel_map, 5, 3, "inverse") == kernel_map.pairs * 15


@pytest.mark.parametrize("geometry", GEOMETRIES.values(), ids=GEOMETRIES)
@pytest.mark.parametrize("name", engine_parameters("spconv"))
def test_spconv_on_a_cpu_is_seen_to_multiply_what_it_says(name: str, geometry: Geometry) -> None:
    """Its products of matrices are torch's own."""
    engine, _ = open_engine(name)
    assert isinstance(engine, IndexedPairsEngine)
    kernel_map = map_of(geometry)
    features, weight = torch.randn(kernel_map.in_rows, 5), torch.randn(geometry.volume, 5, 3)
    bound = engine._bind(kernel_map, "forward")
    with FlopCounterMode(display=False) as counter:
        bound.forward(features, weight)
    assert counter.get_total_flops() == 2 * engine.executed_macs(kernel_map, 5, 3, "forward")
