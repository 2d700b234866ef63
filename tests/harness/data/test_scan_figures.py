from __future__ import annotations

from collections.abc import Callable
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from harness.data.scan import Scan
from harness.data.scan_figures import count_cells, level_counts
from harness.data.semantickitti import SemanticKitti

WriteSequences = Callable[..., Path]
Cell = tuple[int, ...]


def pairs_of(cells: set[Cell]) -> int:
    """Neighbours of every cell that are occupied, itself among them, one by one."""
    steps = list(product((-1, 0, 1), repeat=3))
    return sum(tuple(c + s for c, s in zip(cell, step, strict=True)) in cells for cell in cells for step in steps)


@pytest.mark.parametrize("size", [0.05, 1.0, 7.5])
def test_voxels_are_those_of_float32_quotients(write_sequences: WriteSequences, size: float) -> None:
    scan = SemanticKitti(write_sequences({"00": 1}, points=3000)).read("00/000000")
    cells = {tuple(round(float(value / np.float32(size))) for value in point) for point in scan.xyz}
    assert level_counts(scan, size)[0][0] == len(cells)


def test_a_quotient_that_float64_would_round_up_is_in_the_lower_cell() -> None:
    """Half of float32's 0.05 is its 0.025, exactly: a half to even. In float64 the same quotient is above a half."""
    xyz = np.array([[0.0, 0, 0], [0.025, 0, 0], [0.026, 0, 0]], dtype=np.float32)
    assert float(xyz[1, 0]) / 0.05 > 0.5
    scan = Scan("00/000000", xyz, np.zeros(3, np.float32), labels=None, instances=None)
    assert level_counts(scan, 0.05)[0][0] == 2


def test_levels_are_those_of_plain_counting() -> None:
    rng = np.random.default_rng(3)
    xyz = rng.normal(0, 4, (1500, 3)).astype(np.float32)
    scan = Scan("00/000000", xyz, np.zeros(1500, np.float32), labels=None, instances=None)
    cells: set[Cell] = {tuple(round(float(v / np.float32(0.5))) for v in point) for point in xyz}
    low = [min(cell[axis] for cell in cells) for axis in range(3)]
    cells = {tuple(c - least for c, least in zip(cell, low, strict=True)) for cell in cells}
    expected = []
    for _ in range(5):
        expected.append((len(cells), pairs_of(cells)))
        cells = {tuple(c // 2 for c in cell) for cell in cells}
    assert level_counts(scan, 0.5) == tuple(expected)


def test_cells_are_those_of_the_cylindrical_grid() -> None:
    """Points in the middle of cells, with the bounds and the number of cells written out once more."""
    cells = [(3, 5, 7), (3, 5, 8), (100, 359 // 2, 20), (3, 5, 7)]
    step = (50 / 479, 2 * np.pi / 359, 6 / 31)
    polar = [[(c + 0.5) * s + low for c, s, low in zip(cell, step, (0, -np.pi, -4), strict=True)] for cell in cells]
    xyz = np.array([[r * np.cos(phi), r * np.sin(phi), z] for r, phi, z in polar], dtype=np.float32)
    assert count_cells(Scan("00/000000", xyz, np.zeros(4, np.float32), labels=None, instances=None)) == 3


@pytest.mark.real
def test_levels_of_the_first_scan_are_the_known_ones(real_root: Path) -> None:
    """The integers of tests/backbones/sparse/test_real_levels.py."""
    scan = SemanticKitti(real_root, partial=True).read("00/000000")
    sites, pairs = (91852, 60236, 31883, 14454, 5908), (345532, 365218, 238211, 122064, 54656)
    assert level_counts(scan, 0.05) == tuple(zip(sites, pairs, strict=True))
    assert count_cells(scan) == 38576
