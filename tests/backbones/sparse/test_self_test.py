from __future__ import annotations

import math
from dataclasses import dataclass, replace

import pytest
import torch
from engines_here import engine_parameters, open_engine
from torch import Tensor

from backbones.sparse.engine import Direction
from backbones.sparse.geometry import Geometry
from backbones.sparse.kernel_map import KernelMap, KernelMapCache
from backbones.sparse.portable import PortableEngine
from backbones.sparse.self_test import CASES, SelfTest, fixed_voxels, self_test, time_engine

CPU = torch.device("cpu")
FIXED = 20426, 118454, 5387552
"""Voxels of `fixed_voxels`, pairs of a 3³ kernel on them, and the sum of all coordinates."""


@pytest.mark.parametrize("name", engine_parameters())
def test_an_engine_passes_on_everything_it_supports(name: str) -> None:
    engine, device = open_engine(name)
    report = self_test(engine, device)
    assert report.passed
    assert report.cases == sum(engine.supports(geometry) for geometry, _ in CASES)
    assert max(report.outputs, report.input_gradients, report.weight_gradients) < 1e-6


@dataclass(frozen=True)
class Wrong(PortableEngine):
    """The portable engine with a fault."""

    fault: str = "offsets"

    def supports(self, geometry: Geometry) -> bool:
        return geometry.rule == "submanifold" or self.fault != "none, on submanifolds"

    def convolve(self, features: Tensor, weight: Tensor, kernel_map: KernelMap, direction: Direction) -> Tensor:
        if self.fault == "offsets":
            x, y, z = kernel_map.geometry.kernel_size
            weight = weight.view(x, y, z, *weight.shape[1:]).transpose(1, 2).reshape(weight.shape)
        output = super().convolve(features, weight, kernel_map, direction)
        if self.fault == "gradients":
            return output + (output - output.detach()) / 2
        return output * math.nan if self.fault == "not a number" else output


@pytest.mark.parametrize("fault", ["offsets", "gradients", "not a number"])
def test_a_faulty_engine_fails(fault: str) -> None:
    assert not self_test(Wrong(fault=fault), CPU).passed


def test_what_an_engine_does_not_support_is_left_out() -> None:
    report = self_test(Wrong(fault="none, on submanifolds"), CPU)
    assert report.passed
    assert report.cases == 2


def test_each_of_the_three_errors_decides() -> None:
    fine = SelfTest(1e-7, 1e-7, 1e-7, 6)
    assert fine.passed
    for figure in ("outputs", "input_gradients", "weight_gradients"):
        assert not replace(fine, **{figure: 1e-4}).passed


def test_the_global_generator_is_left_alone() -> None:
    torch.manual_seed(1)
    before = torch.get_rng_state()
    self_test(PortableEngine(), CPU)
    time_engine(PortableEngine(), CPU, runs=1)
    assert torch.equal(torch.get_rng_state(), before)


def test_the_fixed_voxels_are_those_of_every_machine() -> None:
    voxels = fixed_voxels()
    kernel_map = KernelMapCache().submanifold(voxels, (3, 3, 3))
    assert (len(voxels), kernel_map.pairs, voxels.sum().item()) == FIXED
    assert voxels.amin(0).tolist() == [0, 0, 0, 0]


def test_a_time_is_positive() -> None:
    assert 0 < time_engine(PortableEngine(), CPU, runs=1) < 60_000
