from __future__ import annotations

import pytest

from harness.config.models import BackboneConfig
from harness.config.resolve import resolve_backbone
from harness.report.networks import MANUAL_MEMBER, network_notes
from harness.spec import BackboneSpec


def notes(name: str, **changes: object) -> list[str]:
    return network_notes(resolve_backbone(BackboneConfig(name=name, **changes), 0.5, 19, "test"), "semantickitti")


def test_the_published_networks_need_no_note_but_spvnas_has_one() -> None:
    assert notes("minkowskinet") == notes("cylinder3d") == []
    assert notes("spvnas") == [MANUAL_MEMBER]


@pytest.mark.parametrize(
    "name, changes, expected",
    [
        ("minkowskinet", {"voxel_size_m": 0.1}, "minkowskinet: voxels of 0.1 m, published with 0.05 m"),
        (
            "cylinder3d",
            {"settings": {"rulebook": "as_released"}},
            "cylinder3d: rulebook is as_released, default as_described",
        ),
        ("spvnas", {"settings": {"coordinates": "exact"}}, "spvnas: coordinates is exact, default as_released"),
    ],
)
def test_what_was_changed_is_said(name: str, changes: dict[str, object], expected: str) -> None:
    assert expected in notes(name, **changes)


def test_long_values_are_cut_and_told_apart() -> None:
    said = []
    for width in (64, 128):
        member = {"output_channels": [32] * 9, "upsample.0.transition": width}
        spec = BackboneSpec(name="spvnas", width=0.5, voxel_size_m=0.05, classes=19, settings={"net_config": member})
        [note] = network_notes(spec, "semantickitti")
        said.append(note)
    assert all(note.startswith("spvnas: net_config is {'output_channels': [32, 32,") for note in said)
    assert said[0] != said[1]
    assert max(map(len, said)) < 120


def test_the_heights_published_for_nuscenes_are_no_deviation_there() -> None:
    given = BackboneConfig(name="cylinder3d", settings={"z_m": [-5, 3]})
    network = resolve_backbone(given, 1.0, 16, "test")
    assert network_notes(network, "nuscenes") == []
    assert network_notes(network, "semantickitti") == ["cylinder3d: z_m is [-5.0, 3.0], default [-4.0, 2.0]"]
