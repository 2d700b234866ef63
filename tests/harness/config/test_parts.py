from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

from harness.config.matrix_file import load_matrix, matrix_text, parse_matrix, shipped_matrices
from harness.config.models import MatrixConfig
from harness.config.parts import parts

BOTH: dict[str, Any] = {
    "name": "m",
    "datasets": [{"name": "semantickitti"}, {"name": "nuscenes"}],
    "backbones": [{"name": "cylinder3d", "settings": {"rulebook": "as_released"}}, {"name": "spvnas"}],
    "methods": ["none", "logit_kd", "pvd", "skd + logit_kd"],
    "submission": "pvd",
}
HEIGHTS = {"semantickitti": (-4, 2), "nuscenes": (-5, 3)}


def heights(settings: dict[str, Any]) -> tuple[float, float] | None:
    """Lower and upper bound of supervoxels, None where they are left to the defaults."""
    return (settings["lowest"][2], settings["highest"][2]) if "lowest" in settings else None


def test_each_data_set_has_its_own_grids_and_all_else_in_common() -> None:
    matrix = parse_matrix(BOTH, "m")
    kitti, nuscenes = parts(matrix)
    assert [part.dataset.name for part in (kitti, nuscenes)] == ["semantickitti", "nuscenes"]
    assert kitti.backbones[0].settings == {"rulebook": "as_released"}
    assert nuscenes.backbones[0].settings == {"rulebook": "as_released", "z_m": [-5, 3]}
    assert kitti.backbones[1] == nuscenes.backbones[1]
    assert heights(kitti.methods[2].settings) is None
    assert heights(nuscenes.methods[2].settings) == (-5, 3)
    for key in ("seeds", "teacher_seed", "recipe", "measure", "engine"):
        assert getattr(kitti, key) == getattr(nuscenes, key) == getattr(matrix, key)


def test_only_the_part_that_has_a_server_is_submitted() -> None:
    kitti, nuscenes = parts(parse_matrix(BOTH, "m"))
    assert (kitti.submission, nuscenes.submission) == ("pvd", None)
    [multi] = parts(parse_matrix({**BOTH, "datasets": [{"name": "semantickitti-multiscan"}]}, "m"))
    assert multi.submission == "pvd"


def test_a_copy_says_what_is_used_where_the_data_sets_agree() -> None:
    """Cylinder3D's grid differs between them, so its heights stay unsaid; those of a matrix of one are spelled out."""
    both = parse_matrix(BOTH, "m")
    assert both.backbones[0].settings == {"rulebook": "as_released"}
    assert both.methods[2].settings == {}
    nuscenes = parse_matrix({**BOTH, "datasets": [{"name": "nuscenes"}], "submission": None}, "m")
    assert nuscenes.backbones[0].settings == {"rulebook": "as_released", "z_m": [-5, 3]}
    assert heights(nuscenes.methods[2].settings) == (-5, 3)
    versions = [{"name": "nuscenes", "settings": {"version": version}} for version in ("v1.0-mini", "v1.0-trainval")]
    agreed = parse_matrix({**BOTH, "datasets": versions, "submission": None}, "m")
    assert (agreed.backbones, agreed.methods) == (nuscenes.backbones, nuscenes.methods)


@pytest.mark.parametrize(
    "matrix", [parse_matrix(BOTH, "m"), *map(load_matrix, shipped_matrices())], ids=lambda m: m.name
)
def test_the_parts_of_the_copy_are_those_of_the_matrix(matrix: MatrixConfig) -> None:
    copy = parse_matrix(yaml.safe_load(matrix_text(matrix)), "copy")
    assert copy == matrix
    assert parts(copy) == parts(matrix)


def test_a_setting_that_names_a_file_becomes_its_content_on_every_data_set(tmp_path: Any) -> None:
    member: dict[str, object] = {"output_channels": [32, 16, 32, 64, 128, 128, 64, 48, 48]}
    for stage in (f"{side}.{number}" for side in ("downsample", "upsample") for number in range(4)):
        entering = {f"{stage}.transition": 48 if stage.startswith("up") else 32, f"{stage}.feature": 1}
        member |= {**entering, f"{stage}.feature.layers.0.net.layers.0": 48}
    file = tmp_path / "net.config"
    file.write_text(json.dumps(member))
    backbones = [{"name": "spvnas", "settings": {"net_config": str(file)}}, {"name": "cylinder3d"}]
    matrix = parse_matrix({**BOTH, "backbones": backbones}, "m")
    file.unlink()
    assert matrix.backbones[0].settings == {"net_config": member}
    assert [part.backbones[0] for part in parts(matrix)] == [matrix.backbones[0]] * 2
