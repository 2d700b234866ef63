from __future__ import annotations

import pytest

from backbones.sparse.geometry import Geometry
from backbones.sparse.portable import PortableEngine
from harness.config import MatrixConfig, parse_matrix
from harness.errors import HarnessError
from harness.matrix.networks import check_networks


class Floored(PortableEngine):
    """An engine without the window rule, as MinkowskiEngine is."""

    name = "floored"

    def supports(self, geometry: Geometry) -> bool:
        return geometry.rule != "window"


def matrix(*backbones: dict) -> MatrixConfig:
    return parse_matrix({"name": "m", "backbones": list(backbones), "methods": ["none"], "engine": "portable"}, "test")


def test_every_backbone_fits_the_portable_engine() -> None:
    check_networks(matrix({"name": "minkowskinet"}, {"name": "spvnas"}, {"name": "cylinder3d"}))


def test_a_layer_that_the_engine_lacks_is_a_fault_of_the_matrix(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.matrix.networks.get_engine", lambda name: Floored())
    check_networks(matrix({"name": "minkowskinet"}, {"name": "spvnas"}))
    message = r"backbones\.1: found cylinder3d on the engine 'floored'.*layer down1\.down, a 3×3×3 .*'window'"
    with pytest.raises(HarnessError, match=message):
        check_networks(matrix({"name": "spvnas"}, {"name": "cylinder3d"}))


@pytest.mark.parametrize("role", ["teacher_width", "student_width"])
def test_a_width_that_leaves_nothing_of_a_layer_is_a_fault_of_the_matrix(role: str) -> None:
    stages = [f"{side}.{number}" for side in ("downsample", "upsample") for number in range(4)]
    member: dict = {"output_channels": [32, 16, 32, 64, 128, 128, 64, 48, 48]}
    for stage in stages:
        member |= {f"{stage}.transition": 48, f"{stage}.feature": 1, f"{stage}.feature.layers.0.net.layers.0": 48}
    member |= {
        "downsample.0.transition": 32,
        "downsample.1.transition": 40,
        "downsample.0.feature.layers.0.net.layers.0": 4,
    }
    with pytest.raises(HarnessError, match=r"backbones\.0: found width 0.125 leaves nothing of a layer of 4 channels"):
        check_networks(matrix({"name": "spvnas", role: 0.125, "settings": {"net_config": member}}))
