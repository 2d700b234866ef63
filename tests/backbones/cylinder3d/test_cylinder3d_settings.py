from __future__ import annotations

from typing import Any

import pytest

from backbones.build import backbone_settings, build_backbone
from backbones.cylinder3d.network import Cylinder3D
from backbones.cylinder3d.settings import Cylinder3DSettings
from backbones.settings import BackboneSettings


def test_defaults_are_the_published_network() -> None:
    assert backbone_settings("cylinder3d", {}).model_dump() == {
        "rulebook": "as_described",
        "point_mlp": "full",
        "point_branch": True,
        "input_channels": 16,
        "grid": (480, 360, 32),
        "rho_m": (0.0, 50.0),
        "z_m": (-4.0, 2.0),
    }


@pytest.mark.parametrize(
    "wrong, message",
    [
        ({"rulebook": "as_written"}, "as_described"),
        ({"point_mlp": "half"}, "scaled"),
        ({"input_channels": 0}, "greater than or equal to 1"),
        ({"input_channels": 1_000_000_000}, "less than or equal to 1024"),
        ({"rho_m": (0, 1e308)}, "less than or equal to 10000"),
        ({"z_m": (-1e308, 2)}, "greater than or equal to -10000"),
        ({"grid": (480, 360)}, "Field required"),
        ({"grid": (480, 1, 32)}, "greater than or equal to 2"),
        ({"grid": (1 << 20, 360, 32)}, "less than"),
        ({"rho_m": (50, 0)}, r"lower bound 50.0 must be below the upper bound 0.0"),
        ({"rho_m": (-1, 50)}, "greater than or equal to 0"),
        ({"z_m": (2, 2)}, "must be below"),
        ({"z_m": (float("-inf"), 2)}, "finite"),
        ({"voxel_size": 0.05}, "Extra inputs are not permitted"),
    ],
)
def test_impossible_settings_are_refused(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        backbone_settings("cylinder3d", wrong)


def test_settings_of_another_network_are_refused() -> None:
    with pytest.raises(TypeError, match="takes Cylinder3DSettings, not BackboneSettings"):
        Cylinder3D(3, 1 / 16, BackboneSettings())
    assert Cylinder3D(3, 1 / 16).settings == Cylinder3DSettings()


def test_the_narrowest_network_has_a_channel_everywhere() -> None:
    network = build_backbone("cylinder3d", 1 / 32, 3, {"point_mlp": "scaled"})
    assert min(network.stage_channels.values()) == 1
    assert all(p.numel() > 0 for p in network.parameters())
