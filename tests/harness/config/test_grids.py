from __future__ import annotations

import pytest

from harness.config.matrix_file import parse_matrix
from harness.config.models import MatrixConfig
from harness.config.resolve import resolve_backbone, resolve_method
from harness.errors import HarnessError


def matrix(dataset: str, backbone: dict[str, object], method: object) -> MatrixConfig:
    return parse_matrix({"name": "m", "dataset": {"name": dataset}, "backbones": [backbone], "methods": [method]}, "m")


def heights(config: MatrixConfig) -> tuple[object, ...]:
    network = resolve_backbone(config.backbones[0], 1.0, 16, "m").settings
    method = resolve_method(config.methods[0], "m").settings
    parts = [part["settings"] for part in method["methods"]] if "methods" in method else [method]
    bounds = [(part["lowest"][2], part["highest"][2]) for part in parts if "lowest" in part]
    return (network.get("z_m"), *bounds)


@pytest.mark.parametrize(
    "dataset, expected",
    [("semantickitti", (-4, 2)), ("semantickitti-multiscan", (-4, 2)), ("nuscenes", (-5, 3))],
)
def test_each_data_set_has_its_published_heights(dataset: str, expected: tuple[float, float]) -> None:
    [grid, blocks] = heights(matrix(dataset, {"name": "cylinder3d"}, "pvd"))
    assert tuple(grid) == blocks == expected  # type: ignore[arg-type]
    assert heights(matrix(dataset, {"name": "minkowskinet"}, "none")) == (None,)


def test_what_a_user_says_wins() -> None:
    config = matrix(
        "nuscenes",
        {"name": "cylinder3d", "settings": {"z_m": [-3, 1]}},
        {"name": "pvd", "settings": {"lowest": [0, -3, -2]}},
    )
    assert heights(config) == ([-3, 1], (-2, 3))


def test_the_parts_of_a_sum_have_them_too() -> None:
    assert heights(matrix("nuscenes", {"name": "cylinder3d"}, "skd + pvd"))[1:] == ((-5, 3), (-5, 3))


def test_the_copy_kept_beside_the_results_says_them() -> None:
    config = matrix("nuscenes", {"name": "cylinder3d"}, "pvd")
    again = parse_matrix(config.model_dump(mode="json"), "copy")
    assert again == config
    assert config.backbones[0].settings == {"z_m": [-5.0, 3.0]}


@pytest.mark.parametrize("dataset", ["semantickitti", "nuscenes"])
@pytest.mark.parametrize(
    "parts, message",
    [([{"nmae": "pvd"}, "skd"], "Did you mean 'name'"), (["pvd", "no_such"], "found 'no_such'")],
)
def test_a_wrong_part_of_a_sum_is_explained_on_every_data_set(dataset: str, parts: object, message: str) -> None:
    with pytest.raises(HarnessError, match=message):
        matrix(dataset, {"name": "minkowskinet"}, {"name": "sum", "settings": {"methods": parts}})
