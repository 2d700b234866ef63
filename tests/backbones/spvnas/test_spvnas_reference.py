"""The whole network against an independent re-expression of the released definition, under the same weights."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from spvnas_reference import ALTERATIONS, Reference
from spvnas_scenes import SIZE_M, distant_voxels, network, published_config

from backbones.voxelize import VoxelBatch

TOLERANCE = 1e-7
"""Relative to the largest logit; both sides compute in float64, from interpolation weights in float32."""


def reference(net: Any, voxels: VoxelBatch, altered: str = "") -> tuple[Any, Any]:
    state = {key: value.numpy() for key, value in net.state_dict().items()}
    sites = [tuple(site) for site in voxels.coordinates.tolist()]
    return Reference(state, SIZE_M, altered).logits(voxels.features.numpy(), sites)


def error(found: Any, expected: Any) -> float:
    return float(np.abs(found - expected).max() / np.abs(expected).max())


@pytest.mark.parametrize(
    "width, settings",
    [(0.125, {}), (0.125, {"coordinates": "exact"}), (0.25, {"net_config": published_config()})],
    ids=["SPVCNN", "exact", "searched"],
)
def test_logits_equal_those_of_the_released_definition(width: float, settings: dict[str, Any]) -> None:
    net, voxels = network(width, **settings).double(), distant_voxels()
    output = net(voxels)
    altered = "integer coordinates" if settings.get("coordinates") == "exact" else ""
    points, voxel_rows = reference(net, voxels, altered)
    assert error(output.prediction_logits.detach().numpy(), points) < TOLERANCE
    assert error(output.voxel_logits.detach().numpy(), voxel_rows) < TOLERANCE
    assert error(net.predict(voxels).detach().numpy(), points) < TOLERANCE


@pytest.mark.parametrize("altered", ALTERATIONS)
def test_every_detail_decides_equality(altered: str) -> None:
    net, voxels = network().double(), distant_voxels()
    points, _ = reference(net, voxels, altered)
    assert error(net(voxels).prediction_logits.detach().numpy(), points) > 10 * TOLERANCE
