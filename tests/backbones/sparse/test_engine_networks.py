"""Whole networks on every engine: the same weights give the same logits, the same step and the same count of MACs."""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import pytest
import torch
from engines_here import engine_parameters, made_points, open_engine, real_points
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from backbones.backbone import Backbone
from backbones.build import build_backbone, build_voxelizer
from backbones.sparse.engine import Engine, EngineError
from backbones.sparse.layers import SparseConv, set_engine
from backbones.sparse.portable import PortableEngine
from backbones.voxelize import VoxelBatch

CLASSES = 19
NETWORKS: dict[str, tuple[str, float, float | None, dict[str, Any]]] = {
    "minkowskinet": ("minkowskinet", 0.25, 0.05, {}),
    "spvnas": ("spvnas", 0.25, 0.05, {}),
    "cylinder3d": ("cylinder3d", 0.125, None, {"rulebook": "as_described"}),
    "cylinder3d as released": ("cylinder3d", 0.125, None, {"rulebook": "as_released"}),
}
"""Backbone, width, voxel size in metres where it takes one, settings. A line here puts a network on every engine."""
LIBRARIES = [parameter for parameter in engine_parameters() if parameter.values != ("portable",)]
NOTHING = 1e-6
"""Share of a network's gradient under which a parameter's is rounding: a bias that a batch normalisation takes away."""


@dataclass(frozen=True)
class Step:
    """What one engine computes: logits in eval mode, gradients of a training step, MACs of both.

    Logits are [2, N, C], of raw points: those that predict and those of the points, which Cylinder3D classifies apart.
    """

    logits: Tensor
    gradients: dict[str, Tensor]
    macs: tuple[int, int]


def logits_of(network: Backbone, voxels: VoxelBatch) -> Tensor:
    output = network(voxels)
    return torch.stack([output.prediction_logits.index_select(0, voxels.voxel_of_point), output.point_logits])


def refuses(engine: Engine, network: Backbone) -> bool:
    """Whether the engine lacks a layer of the network; then it must say so when the network is put on it."""
    layers = [layer for layer in network.modules() if isinstance(layer, SparseConv)]
    if all(engine.supports(layer.geometry) for layer in layers):
        return False
    with pytest.raises(EngineError, match="can't express the layer"):
        set_engine(copy.deepcopy(network), engine)
    return True


def take_step(network: Backbone, engine: Engine, device: torch.device, voxels: VoxelBatch, kind: torch.dtype) -> Step:
    """Run a copy of the network on an engine, the training step in a type; dropout is drawn alike."""
    network, voxels = copy.deepcopy(network).to(device), voxels.to(device)
    set_engine(network, engine)
    with torch.no_grad(), FlopCounterMode(display=False) as forward:
        logits = logits_of(network.eval(), voxels)
    # Labels that follow the distance: with random ones a gradient is the small rest of sums that cancel.
    targets = (voxels.points.xyz.norm(dim=1) / 2).long().clamp(max=CLASSES - 1)
    network, voxels = network.train().to(kind), replace(voxels, features=voxels.features.to(kind))
    torch.manual_seed(4)
    with FlopCounterMode(display=False) as step:
        predicted, of_points = logits_of(network, voxels)
        cross_entropy = torch.nn.functional.cross_entropy
        torch.autograd.backward(cross_entropy(predicted, targets) + cross_entropy(of_points, targets))
    gradients = {name: p.grad.cpu() for name, p in network.named_parameters() if p.grad is not None}
    return Step(logits.cpu(), gradients, (forward.get_total_flops() // 2, step.get_total_flops() // 2))


def cosine(found: Tensor, expected: Tensor) -> float:
    return torch.nn.functional.cosine_similarity(found.double().flatten(), expected.double().flatten(), dim=0).item()


@cache
def voxelise(network: str, real: bool) -> VoxelBatch:
    name, _, size, settings = NETWORKS[network]
    points = real_points() if real else made_points(every=2)
    return build_voxelizer(name, size if real or size is None else 0.2, settings)(points)


@cache
def reference(network: str, real: bool, kind: torch.dtype) -> tuple[Backbone, Step]:
    """A network and what the portable engine computes."""
    name, width, _, settings = NETWORKS[network]
    torch.manual_seed(1)
    made = build_backbone(name, width, CLASSES, settings)
    return made, take_step(made, PortableEngine(), torch.device("cpu"), voxelise(network, real), kind)


def check(network: str, library: str, real: bool) -> None:
    """Compare a library with the portable engine.

    The step on a real scan is taken in float64 where the library can: in float32 the gradients of some parameters of
    Cylinder3D have a cosine of 0.996 with the exact ones, on either engine.
    """
    engine, device = open_engine(library)
    kind = torch.float64 if real and device.type == "cpu" else torch.float32
    made, expected = reference(network, real, kind)
    if refuses(engine, made):
        return
    found = take_step(made, engine, device, voxelise(network, real), kind)
    apart = (found.logits - expected.logits).abs().max() / expected.logits.abs().max()
    assert apart.item() < 1e-4
    assert (found.logits.argmax(2) == expected.logits.argmax(2)).double().mean().item() >= 0.9999
    assert found.macs == expected.macs
    assert found.gradients.keys() == expected.gradients.keys() == dict(made.named_parameters()).keys()
    whole = [torch.cat([g.flatten() for g in step.gradients.values()]) for step in (found, expected)]
    assert cosine(*whole) > 0.9999
    nothing = NOTHING * whole[1].norm()
    for parameter, gradient in expected.gradients.items():
        if parameter.endswith(".bias") and gradient.norm() < nothing:
            assert found.gradients[parameter].norm() < nothing, parameter
        else:
            assert cosine(found.gradients[parameter], gradient) > 0.9999, parameter


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("network", NETWORKS)
def test_a_made_scan(network: str, library: str) -> None:
    check(network, library, real=False)


@pytest.mark.real
@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("network", NETWORKS)
def test_a_real_scan(network: str, library: str) -> None:
    check(network, library, real=True)
