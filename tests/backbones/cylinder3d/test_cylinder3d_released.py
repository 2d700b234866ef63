"""The whole network against the released definition, and every detail that decides their equality."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from cylinder_names import module_names, randomise, released_weights
from cylinder_reference import Details, Released
from cylinder_scenes import SMALL, random_points, small_network, small_voxels

from backbones.cylinder3d.network import Cylinder3D
from backbones.voxelize import VoxelBatch

RULEBOOKS = ("as_described", "as_released")
MISTAKES = {
    "activation_before_norm": False,
    "slope": 0.2,
    "gate_norm_before_sigmoid": False,
    "gated_first": False,
    "relu_before_maximum": True,
    "relu_after_compression": False,
    "phi_wraps": True,
    "pooling_wraps": True,
    "sites": "floor",
    "bounded": False,
    "deep_stride": (2, 2, 2),
    "skip_after_inverse": False,
    "norm_after_strided": True,
    "flipped_inverse": True,
}
"""A wrong value for every detail that both rulebooks share."""


def scene(rulebook: str) -> tuple[Cylinder3D, VoxelBatch]:
    network = small_network(rulebook=rulebook).double()
    randomise(network)
    voxels = small_voxels(random_points((70, 50)))
    return network, replace(voxels, features=voxels.features.double())


def released(network: Cylinder3D, voxels: VoxelBatch, details: Details) -> np.ndarray:
    sites = [(int(s), int(r), int(p), int(z)) for s, r, p, z in voxels.coordinates]
    run = Released(released_weights(network), SMALL["grid"], details)
    return run(voxels.features.numpy(), voxels.voxel_of_point.numpy(), sites)


def difference(ours: torch.Tensor, theirs: np.ndarray) -> float:
    """Return the largest difference, relative to the largest logit."""
    return float(np.abs(ours.detach().numpy() - theirs).max() / np.abs(theirs).max())


@pytest.mark.parametrize("rulebook", RULEBOOKS)
def test_logits_are_those_of_the_released_definition(rulebook: str) -> None:
    network, voxels = scene(rulebook)
    with torch.no_grad():
        ours = network(voxels).voxel_logits
    assert difference(ours, released(network, voxels, Details(rulebook))) < 1e-10


@pytest.mark.parametrize("detail", MISTAKES)
def test_a_change_of_this_detail_is_noticed(detail: str) -> None:
    network, voxels = scene("as_described")
    with torch.no_grad():
        ours = network(voxels).voxel_logits
    wrong = replace(Details(), **{detail: MISTAKES[detail]})
    assert difference(ours, released(network, voxels, wrong)) > 1e-3


@pytest.mark.parametrize(
    "detail, value", [("rulebook", "as_described"), ("dictionary_per_branch", True), ("first_weights", False)]
)
def test_a_change_of_the_released_rulebook_is_noticed(detail: str, value: object) -> None:
    network, voxels = scene("as_released")
    with torch.no_grad():
        ours = network(voxels).voxel_logits
    wrong = replace(Details("as_released"), **{detail: value})
    assert difference(ours, released(network, voxels, wrong)) > 1e-3


def test_every_weight_but_the_point_branch_has_a_released_name() -> None:
    network = small_network()
    named = {ours for ours, _ in module_names()}
    assert len({theirs for _, theirs in module_names()}) == len(named)
    owners = {key.rpartition(".")[0] for key in network.state_dict()}
    assert {owner for owner in owners if not owner.startswith("point_branch.")} == named
