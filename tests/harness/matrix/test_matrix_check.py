from __future__ import annotations

import pytest

from backbones.sparse.geometry import Geometry
from backbones.sparse.portable import PortableEngine
from baselines.registry import SHIPPED
from harness.config.matrix_file import parse_matrix
from harness.config.models import MatrixConfig
from harness.errors import HarnessError
from harness.matrix.check import check_matrix


class Floored(PortableEngine):
    """An engine without the window rule, as MinkowskiEngine is."""

    name = "floored"

    def supports(self, geometry: Geometry) -> bool:
        return geometry.rule != "window"


def matrix(*backbones: dict) -> MatrixConfig:
    return parse_matrix({"name": "m", "backbones": list(backbones), "methods": ["none"], "engine": "portable"}, "test")


def test_every_backbone_fits_the_portable_engine() -> None:
    check_matrix(matrix({"name": "minkowskinet"}, {"name": "spvnas"}, {"name": "cylinder3d"}))


def test_a_layer_that_the_engine_lacks_is_a_fault_of_the_matrix(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.matrix.check.get_engine", lambda name: Floored())
    check_matrix(matrix({"name": "minkowskinet"}, {"name": "spvnas"}))
    message = r"backbones\.1: found cylinder3d on the engine 'floored'.*layer down1\.down, a 3×3×3 .*'window'"
    with pytest.raises(HarnessError, match=message):
        check_matrix(matrix({"name": "spvnas"}, {"name": "cylinder3d"}))


def test_a_stage_that_a_backbone_lacks_is_a_fault_of_the_matrix() -> None:
    methods = ["none", {"name": "fitnets", "settings": {"stages": ["down4", "z3"]}}]
    content = {"name": "m", "methods": methods, "engine": "portable"}
    check_matrix(parse_matrix({**content, "backbones": [{"name": "spvnas"}]}, "test"))
    message = r"key methods\.1, method fitnets: found no stage 'z3'.*can be built for minkowskinet"
    with pytest.raises(HarnessError, match=message):
        check_matrix(parse_matrix({**content, "backbones": [{"name": "spvnas"}, {"name": "minkowskinet"}]}, "test"))


OWN = """
import torch
from baselines.method import Method

class Rarest(Method):
    def __init__(self, settings, context):
        super().__init__(settings, context)
        self.rarest = torch.tensor(context.class_counts)[1:].argmin().item()
        self.fifth = context.class_counts[5]
    def forward(self, student, teacher, batch, draws):
        return {}

class Slip(Rarest):
    def __init__(self, settings, context):
        super().__init__(settings, context)
        self.channels = context.student_stages["botleneck"]
"""


def test_a_method_of_ones_own_is_built_as_in_training(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "own_built.py").write_text(OWN)
    monkeypatch.syspath_prepend(str(tmp_path))
    content = {"name": "m", "engine": "portable", "backbones": [{"name": "minkowskinet"}]}
    check_matrix(parse_matrix({**content, "methods": ["own_built:Rarest"]}, "test"))
    with pytest.raises(HarnessError, match=r"methods\.0, method Slip: found KeyError\('botleneck'\)"):
        check_matrix(parse_matrix({**content, "methods": ["own_built:Slip"]}, "test"))


@pytest.mark.parametrize("backbone", ["minkowskinet", "spvnas", "cylinder3d"])
def test_every_shipped_method_fits_every_backbone(backbone: str) -> None:
    methods = [name for name in SHIPPED if name != "sum"] + ["logit_kd + fitnets"]
    content = {"name": "m", "methods": methods, "engine": "portable", "backbones": [{"name": backbone}]}
    check_matrix(parse_matrix(content, "test"))


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
        check_matrix(matrix({"name": "spvnas", role: 0.125, "settings": {"net_config": member}}))


ONE_DATA_SET = """
class Sixteen(Rarest):
    def __init__(self, settings, context):
        super().__init__(settings, context)
        if len(context.class_counts) != 17:
            raise ValueError("too many classes")
"""


def test_what_does_not_fit_on_one_of_the_data_sets_is_told_with_it(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "own_classes.py").write_text(OWN + ONE_DATA_SET)
    monkeypatch.syspath_prepend(str(tmp_path))
    content = {"name": "m", "engine": "portable", "backbones": [{"name": "spvnas"}], "methods": ["own_classes:Sixteen"]}
    check_matrix(parse_matrix({**content, "datasets": [{"name": "nuscenes"}]}, "test"))
    with pytest.raises(
        HarnessError, match=r"matrix m on semantickitti, key methods\.0, method Sixteen: found too many"
    ):
        check_matrix(parse_matrix({**content, "datasets": [{"name": "nuscenes"}, {"name": "semantickitti"}]}, "test"))
