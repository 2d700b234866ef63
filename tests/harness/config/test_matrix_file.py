from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.config.matrix_file import load_matrix, matrix_text, parse_matrix, shipped_matrices
from harness.config.models import BackboneConfig, MethodConfig
from harness.config.resolve import resolve_backbone, resolve_method
from harness.errors import HarnessError

GOOD = """
dataset: {name: semantickitti, synthetic: {scans: 8}}
backbones: [{name: minkowskinet, teacher_width: 0.25, student_width: 0.125}]
methods: [none, {name: logit_kd, settings: {temperature: 2}}]
recipe: {epochs: 3}
"""


def write(tmp_path: Path, text: str) -> str:
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    return str(path)


def test_a_file_is_read_with_defaults_and_named_after_itself(tmp_path: Path) -> None:
    matrix = load_matrix(write(tmp_path, GOOD))
    assert matrix.name == "mine"
    assert [method.name for method in matrix.methods] == ["none", "logit_kd"]
    assert matrix.methods[1].settings == {"temperature": 2}
    assert (matrix.recipe, matrix.seeds) == ({"epochs": 3}, (0,))


def test_a_sum_is_written_short_or_with_settings(tmp_path: Path) -> None:
    parts = "{name: sum, settings: {methods: [logit_kd, {name: pvd, settings: {blocks: 2}}]}}"
    matrix = load_matrix(write(tmp_path, GOOD.replace("none,", f"none, logit_kd + pvd, {parts},")))
    short, long = (resolve_method(method, "test") for method in matrix.methods[1:3])
    assert short.label == long.label == "logit_kd+pvd"
    assert [part["settings"]["blocks"] for part in (short.settings["methods"][1], long.settings["methods"][1])] == [
        4,
        2,
    ]
    assert short.settings["methods"][0] == resolve_method(MethodConfig(name="logit_kd"), "test").model_dump(
        exclude={"source"}
    )


@pytest.mark.parametrize(
    "methods, message",
    [
        ("[logit_kd + ]", r"methods\.0\.settings\.methods\.1: found ''; expected a method"),
        ("[logit_kd + pdv]", r"methods\.0\.settings\.methods\.1: found 'pdv'.*did you mean pvd"),
        ("[pvd + pvd]", r"methods\.0, key settings\.methods: .*pvd is in it twice"),
        ("[sum]", r"methods\.0, key settings\.methods: found nothing"),
        ("[{name: sum, settings: {methods: pvd}}]", r"methods\.0, key settings\.methods"),
        ("[{name: sum, settings: {methods: [pvd, 3]}}]", r"methods\.0\.settings\.methods\.1"),
        (
            "[{name: sum, settings: {methods: [pvd, {name: logit_kd, settings: {temprature: 2}}]}}]",
            r"methods\.0\.settings\.methods\.1, key settings\.temprature: found an unknown key.*'temperature'",
        ),
    ],
)
def test_a_fault_in_a_sum_is_named_where_it_is(tmp_path: Path, methods: str, message: str) -> None:
    with pytest.raises(HarnessError, match=message):
        load_matrix(write(tmp_path, GOOD.replace("[none, {name: logit_kd, settings: {temperature: 2}}]", methods)))


def test_a_sum_is_exported_by_either_spelling(tmp_path: Path) -> None:
    both = GOOD.replace("none,", "none, pvd + logit_kd,")
    for spelling in ("pvd + logit_kd", "logit_kd+pvd"):
        assert load_matrix(write(tmp_path, both + f"submission: {spelling}\n")).submission == spelling


def test_a_name_that_is_no_folders_name_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "from baselines.logit_kd import LogitKD\ndef __getattr__(name): return LogitKD\n"
    (tmp_path / "any_name.py").write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(HarnessError, match=r"methods\.0: found a method called '../../x/y'.*part of a folder's name"):
        load_matrix(write(tmp_path, GOOD.replace("[none,", "['any_name:../../x/y',")))


def test_spelling_a_default_out_makes_no_second_method(tmp_path: Path) -> None:
    twice = GOOD.replace("none,", "logit_kd, {name: logit_kd, settings: {temperature: 4}},")
    with pytest.raises(HarnessError, match=r"methods\.1: found the same method and settings as methods\.0"):
        load_matrix(write(tmp_path, twice))


def test_a_method_of_ones_own_is_resolved_with_its_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "own_source.py").write_text("from baselines.logit_kd import LogitKD\nclass Own(LogitKD): ...\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    own = resolve_method(MethodConfig(name="own_source:Own"), "test")
    assert own.source is not None
    both = resolve_method(MethodConfig.model_validate("pvd + own_source:Own"), "test")
    assert (both.label, both.source) == ("Own+pvd", own.source)
    assert resolve_method(MethodConfig(name="pvd"), "test").source is None


def test_every_shipped_matrix_is_valid() -> None:
    assert {"demo", "first-run", "methods", "ablation", "full", "nightly"} <= set(shipped_matrices())
    for name in shipped_matrices():
        assert load_matrix(name).name == name


@pytest.mark.parametrize(
    "broken, message",
    [
        (GOOD.replace("epochs", "epoch"), r"key recipe\.epoch: found an unknown key.*Did you mean 'epochs'\?"),
        (GOOD.replace("teacher_width", "teachr_width"), r"key backbones\.0\.teachr_width.*'teacher_width'"),
        (GOOD.replace("scans:", "scnas:"), r"key dataset\.synthetic\.scnas.*'scans'"),
        (GOOD.replace("temperature", "temprature"), r"methods\.1, key settings\.temprature.*'temperature'"),
        (GOOD.replace("logit_kd", "logit_kdd"), r"methods\.1: found 'logit_kdd'.*logit_kd"),
        (GOOD.replace("epochs: 3", "epochs: many"), r"key recipe\.epochs: found 'many'.*valid integer"),
        (GOOD.replace("epochs: 3", "epochs: 0"), r"key recipe\.epochs: found 0"),
        (GOOD.replace("methods:", "method:"), r"key method: found an unknown key.*Did you mean 'methods'\?"),
        (GOOD.replace("backbones:", "#"), r"key backbones: found nothing; expected field required"),
        (GOOD.replace("epochs: 3", "cross_entropy_weight: 0, lovasz_weight: 0"), "must not both be 0"),
        (GOOD + "seeds: [1, 1]\n", r"key seeds.*different numbers"),
        (GOOD + "name: ../up\n", r"key name"),
        ("- a\n- b\n", "found a list; expected a mapping"),
        ("a: [\n", "expected a YAML file"),
        ("a: 2024-13-45\n", "expected a YAML file"),
        ("a: !!python/object/apply:os.system [ls]\n", "expected a YAML file"),
        ("", "found a NoneType"),
    ],
)
def test_a_wrong_file_is_explained(tmp_path: Path, broken: str, message: str) -> None:
    path = write(tmp_path, broken)
    with pytest.raises(HarnessError, match=message) as error:
        load_matrix(path)
    assert "mine.yaml" in str(error.value)
    assert "\n" not in str(error.value)


def test_an_unknown_matrix_lists_those_that_ship() -> None:
    with pytest.raises(HarnessError, match=r"--matrix dmeo: .*demo"):
        load_matrix("dmeo")


def test_a_folder_is_no_matrix(tmp_path: Path) -> None:
    with pytest.raises(HarnessError, match="'Is a directory' on reading"):
        load_matrix(str(tmp_path))


@pytest.mark.parametrize(
    "broken, message",
    [
        (GOOD.replace("minkowskinet", "minkunet"), r"key backbones\.0\.name: found 'minkunet'.*minkowskinet"),
        (GOOD.replace("0.25", "1e9"), r"key backbones\.0\.teacher_width: found '1e9'"),
        (GOOD.replace("0.25", ".nan"), r"key backbones\.0\.teacher_width: found nan"),
        (GOOD.replace("0.125}", "0.125, voxel_size_m: 0}"), r"key backbones\.0\.voxel_size_m: found 0"),
        (GOOD + "engine: spcnov\n", r"key engine: found 'spcnov'.*portable"),
        (
            GOOD.replace("minkowskinet", "cylinder3d").replace("0.125}", "0.125, voxel_size_m: 0.1}"),
            r"key backbones\.0\.voxel_size_m: found 0\.1; expected none: cylinder3d has a grid of its own",
        ),
        (
            GOOD.replace("minkowskinet", "cylinder3d").replace("0.125}", "0.125, settings: {rulbook: as_released}}"),
            r"key backbones\.0, key settings\.rulbook: found an unknown key.*Did you mean 'rulebook'",
        ),
        (
            GOOD.replace("0.125}", "0.125, settings: {rulebook: as_released}}"),
            r"key backbones\.0, key settings\.rulebook: found an unknown key; expected no keys here",
        ),
    ],
)
def test_what_can_not_be_built_is_found_before_anything_runs(tmp_path: Path, broken: str, message: str) -> None:
    with pytest.raises(HarnessError, match=message):
        load_matrix(write(tmp_path, broken))


@pytest.mark.parametrize(
    "broken, message",
    [
        (GOOD.replace("epochs: 3", "epochs: 3, learning_rate: .inf"), r"key recipe\.learning_rate: found inf.*finite"),
        (GOOD + "submission: pvdd\n", r"key submission: found 'pvdd'; .*one of none, logit_kd"),
        (GOOD.replace("[none,", "[none, none,"), r"methods\.1: found the same method and settings as methods\.0"),
        (
            GOOD.replace("0.125}]", "0.125}, {teacher_width: 0.25, student_width: 0.125, voxel_size_m: 0.05}]"),
            r"key backbones\.1: found the same networks as backbones\.0",
        ),
        (GOOD + "name: store\n", "name must not be one of store, data"),
        (GOOD.replace("logit_kd", "'.foo:bar'"), r"methods\.1: found '\.foo:bar'; expected a method\."),
        ("[" * 5000, "expected a YAML file"),
    ],
)
def test_what_would_go_wrong_later_is_refused_at_once(tmp_path: Path, broken: str, message: str) -> None:
    with pytest.raises(HarnessError, match=message):
        load_matrix(write(tmp_path, broken))


def test_a_name_longer_than_the_system_allows_is_no_matrix() -> None:
    with pytest.raises(HarnessError, match="'File name too long' on reading"):
        load_matrix("x" * 5000)


SEVERAL = GOOD.replace("dataset: {name: semantickitti, synthetic: {scans: 8}}", "datasets: [{}, {name: nuscenes}]")


def test_one_data_set_has_a_short_form(tmp_path: Path) -> None:
    short = load_matrix(write(tmp_path, GOOD))
    long = GOOD.replace("dataset: {name: semantickitti, synthetic: {scans: 8}}", "datasets: [{synthetic: {scans: 8}}]")
    assert load_matrix(write(tmp_path, long)) == short
    assert [dataset.name for dataset in short.datasets] == ["semantickitti"]
    assert [dataset.name for dataset in load_matrix(write(tmp_path, SEVERAL)).datasets] == ["semantickitti", "nuscenes"]


@pytest.mark.parametrize(
    "broken, message",
    [
        (
            GOOD + "datasets: [{name: nuscenes}]\n",
            r"key dataset: found the key datasets beside it; expected one of the",
        ),
        (SEVERAL.replace("[{}, {name: nuscenes}]", "[]"), "key datasets: found .*at least 1 item"),
        (SEVERAL.replace("nuscenes", "nuscnes"), r"key datasets\.1\.name: found 'nuscnes'.*'nuscenes'"),
        (GOOD.replace("name: semantickitti", "name: kitti"), r"key dataset\.name: found 'kitti'.*'semantickitti'"),
        (GOOD.replace("{name: semantickitti, synthetic: {scans: 8}}", "semantickitti"), "key dataset: found 'semant"),
        (GOOD.replace("dataset:", "datset:"), r"key datset: found an unknown key.*Did you mean 'datasets'\?"),
        (SEVERAL.replace("{name: nuscenes}", "{}"), r"key datasets\.1: found the same data set .* as datasets\.0"),
        (
            SEVERAL.replace(
                "[{}, {name: nuscenes}]", "[{name: nuscenes}, {name: nuscenes, settings: VERSION}]"
            ).replace("VERSION", "{version: v1.0-trainval}"),
            r"key datasets\.1: found the same data set",
        ),
        (
            SEVERAL.replace("{name: nuscenes}", "{name: nuscenes, settings: {verzion: v1.0-mini}}"),
            r"key datasets\.1, key settings\.verzion.*'version'",
        ),
    ],
)
def test_wrong_data_sets_are_explained(tmp_path: Path, broken: str, message: str) -> None:
    with pytest.raises(HarnessError, match=message):
        load_matrix(write(tmp_path, broken))


def test_data_of_one_name_with_other_settings_or_other_streets_is_other_data(tmp_path: Path) -> None:
    for data in (
        "[{name: nuscenes}, {name: nuscenes, settings: {version: v1.0-mini}}]",
        "[{synthetic: {seed: 0}}, {synthetic: {seed: 1}}, {}]",
    ):
        assert len(load_matrix(write(tmp_path, SEVERAL.replace("[{}, {name: nuscenes}]", data))).datasets) >= 2


def test_a_submission_needs_one_data_set_that_has_a_server(tmp_path: Path) -> None:
    assert load_matrix(write(tmp_path, SEVERAL + "submission: none\n")).submission == "none"
    with pytest.raises(HarnessError, match="key submission: found a nuScenes matrix; expected one of SemanticKITTI"):
        load_matrix(write(tmp_path, SEVERAL.replace("{}, ", "") + "submission: none\n"))
    with pytest.raises(HarnessError, match="key submission: found 'pvd'"):
        load_matrix(write(tmp_path, SEVERAL + "submission: pvd\n"))


def test_the_text_of_a_matrix_reads_as_the_same_matrix(tmp_path: Path) -> None:
    for text in (GOOD, SEVERAL):
        matrix = load_matrix(write(tmp_path, text))
        assert load_matrix(write(tmp_path, matrix_text(matrix))) == matrix


def test_a_file_that_never_ends_is_no_matrix() -> None:
    with pytest.raises(HarnessError, match="has more than 1048576 characters; expected a YAML file"):
        load_matrix("/dev/zero")


def test_what_differs_on_one_data_set_alone_may_be_the_same_on_another() -> None:
    cylinders = [{"name": "cylinder3d"}, {"name": "cylinder3d", "settings": {"z_m": [-5, 3]}}]
    content = {"name": "m", "backbones": cylinders, "methods": ["none"]}
    assert len(parse_matrix(content, "m").backbones) == 2
    with pytest.raises(HarnessError, match=r"backbones\.1: found the same networks as backbones\.0 on nuscenes"):
        parse_matrix({**content, "datasets": [{}, {"name": "nuscenes"}]}, "m")


def test_a_networks_grid_and_settings_are_completed() -> None:
    cylinder = resolve_backbone(BackboneConfig(name="cylinder3d", settings={"rulebook": "as_released"}), 0.5, 19, "x")
    assert cylinder.voxel_size_m is None
    assert cylinder.settings["rulebook"] == "as_released"
    assert cylinder.settings["grid"] == [480, 360, 32]
    assert resolve_backbone(BackboneConfig(), 0.5, 19, "x").model_dump(mode="json") == {
        "name": "minkowskinet", "width": 0.5, "voxel_size_m": 0.05, "classes": 19, "settings": {}
    }  # fmt: skip


def test_a_setting_that_names_a_file_becomes_its_content(tmp_path: Path) -> None:
    """The matrix is kept beside its results: a later change of the file must not change what it says."""
    member: dict[str, object] = {"output_channels": [32, 16, 32, 64, 128, 128, 64, 48, 48]}
    for stage in (f"{side}.{number}" for side in ("downsample", "upsample") for number in range(4)):
        entering = {f"{stage}.transition": 48 if stage.startswith("up") else 32, f"{stage}.feature": 1}
        member |= {**entering, f"{stage}.feature.layers.0.net.layers.0": 48}
    file = tmp_path / "net.config"
    file.write_text(json.dumps(member))
    settings = f"{{name: spvnas, settings: {{dropout: 0.1, net_config: {file}}}}}"
    path = tmp_path / "searched.yaml"
    path.write_text(f"backbones: [{settings}]\nmethods: [none]\n")
    [backbone] = load_matrix(str(path)).backbones
    assert backbone.settings == {"dropout": 0.1, "net_config": member}
