"""What the command line says instead of a file: as strict as the file, and named by its option."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.config.matrix_file import load_matrix, parse_matrix, read_matrix, shipped_matrices
from harness.config.models import MatrixConfig
from harness.config.override import override
from harness.errors import HarnessError

CONTENT: dict[str, Any] = {
    "name": "m",
    "datasets": [{"name": "semantickitti"}, {"name": "nuscenes"}],
    "backbones": [{"name": "minkowskinet", "student_width": 0.25}, {"name": "cylinder3d"}],
    "methods": ["none", "logit_kd", {"name": "pvd", "settings": {"blocks": 2}}, "skd + pvd"],
    "recipe": "common",
}


def changed(*settings: str, **others: str) -> MatrixConfig:
    before = copy.deepcopy(CONTENT)
    try:
        return override(CONTENT, "mine.yaml", settings=settings, **others)
    finally:
        assert before == CONTENT, "what was read is left as it is"


def test_without_a_change_it_is_the_file() -> None:
    assert changed() == parse_matrix(CONTENT, "mine.yaml")


@pytest.mark.parametrize(
    "setting, place, expected",
    [
        ("name=other", ("name",), "other"),
        ("seeds=[3, 4]", ("seeds",), [3, 4]),
        ("recipe=released", ("recipe",), "released"),
        ("recipe.epochs=3", ("recipe",), {"base": "common", "epochs": 3}),
        ("recipe.augmentation.flip=[x]", ("recipe",), {"base": "common", "augmentation": {"flip": ["x"]}}),
        ("backbones.0.student_width=0.125", ("backbones", 0, "student_width"), 0.125),
        ("backbones.1.settings.rulebook=as_released", ("backbones", 1, "settings"), {"rulebook": "as_released"}),
        ("datasets.1.settings.version=v1.0-mini", ("datasets", 1, "settings"), {"version": "v1.0-mini"}),
        ("datasets.0.synthetic.scans=8", ("datasets", 0, "synthetic", "scans"), 8),
        ("measure.latency_scans=0", ("measure", "latency_scans"), 0),
        ("measure.tta.flip=[none, x]", ("measure", "tta", "flip"), ["none", "x"]),
        ("methods.1.settings.temperature=2", ("methods", 1), {"name": "logit_kd", "settings": {"temperature": 2}}),
        ("methods.2.settings.sampler=random", ("methods", 2, "settings", "sampler"), "random"),
        ("methods=[none, pvd]", ("methods", 1, "name"), "pvd"),
        ("teacher_seed=7", ("teacher_seed",), 7),
    ],
)
def test_a_key_is_a_path_into_the_file(setting: str, place: tuple[str | int, ...], expected: object) -> None:
    found: Any = changed(setting).model_dump(mode="json")
    for step in place:
        found = found[step]
    assert found == expected


def test_a_key_that_says_nothing_takes_keys() -> None:
    assert override({**CONTENT, "measure": None}, "m", settings=["measure.macs_scans=2"]).measure.macs_scans == 2


def test_a_part_of_a_sum_is_spelled_out_on_the_way() -> None:
    [_, _, _, both] = changed("methods.3.settings.methods.1.settings.blocks=3").methods
    assert both.settings["methods"] == ["skd", {"name": "pvd", "settings": {"blocks": 3}}]


def test_settings_follow_each_other_and_the_last_word_wins() -> None:
    matrix = changed("recipe=released", "recipe.epochs=3", "recipe.epochs=4", "measure.macs_scans=1")
    assert matrix.recipe == {"base": "released", "epochs": 4}
    assert matrix.measure.macs_scans == 1


def test_engine_and_seeds_have_options_of_their_own() -> None:
    matrix = changed("engine=auto", engine="portable", seeds="3,4")
    assert (matrix.engine, matrix.seeds) == ("portable", (3, 4))


def test_the_short_form_of_one_data_set_is_a_key_too() -> None:
    short = {**CONTENT, "dataset": {"synthetic": {"scans": 9}}}
    del short["datasets"]
    assert override(short, "m", settings=["dataset.name=nuscenes"]).datasets[0].name == "nuscenes"
    with pytest.raises(
        HarnessError, match=r"m with --set datasets\.0\.name, key dataset: found the key datasets beside"
    ):
        override(short, "m", settings=["datasets.0.name=nuscenes"])


@pytest.mark.parametrize(
    "settings, message",
    [
        (["recipe.epoch=3"], r"^--set recipe\.epoch: found an unknown key.*Did you mean 'epochs'\?"),
        (["recipe.epochs=many"], r"^--set recipe\.epochs: found 'many'; expected .*valid integer"),
        (["recipe={epoch: 3}"], r"^--set recipe, key recipe\.epoch: found an unknown key.*'epochs'"),
        (["recipe=comon"], r"^--set recipe: found 'comon'.*Did you mean 'common'"),
        (["recpe.epochs=3"], r"^mine\.yaml with --set recpe\.epochs, key recpe: found an unknown key.*'recipe'"),
        (["backbones.0.studnt_width=1"], r"^--set backbones\.0\.studnt_width: .*'student_width'"),
        (["backbones.1.settings.rulbook=x"], r"^--set backbones\.1\.settings\.rulbook: .*'rulebook'"),
        (["backbones.0.name=minkunet"], r"^--set backbones\.0\.name: found 'minkunet'"),
        (["datasets.1.settings.verzion=v1.0-mini"], r"^--set datasets\.1\.settings\.verzion: .*'version'"),
        (["datasets.1.name=semantickitti"], r"^mine\.yaml with --set datasets\.1\.name, key datasets\.1: .*same data"),
        (["methods.1=pdv"], r"^--set methods\.1: found 'pdv'.*did you mean pvd"),
        (["methods.1.settings.temprature=2"], r"^--set methods\.1\.settings\.temprature: .*'temperature'"),
        (["methods.3.settings.methods.0.name=skdd"], r"^mine.*key methods\.3\.settings\.methods\.0: found 'skdd'"),
        (["measure.latency_scan=0"], r"^--set measure\.latency_scan: .*'latency_scans'"),
        (["engine=spcnov"], r"^--set engine: found 'spcnov'"),
        (["seeds=0,1"], r"^--set seeds: found '0,1'"),
        (["name=../up"], r"^--set name: found '\.\./up'"),
        (
            ["recipe.cross_entropy_weight=0", "recipe.lovasz_weight=0"],
            r"^mine\.yaml with --set recipe\.cross_entropy_weight, --set recipe\.lovasz_weight, key recipe: .*not both",
        ),
        (["backbones.2.name=spvnas"], r"^--set backbones\.2\.name: found '2' in the list backbones; .*from 0 to 1"),
        (["backbones.-1.name=spvnas"], "found '-1' in the list backbones"),
        (["backbones.first.name=spvnas"], "found 'first' in the list backbones; expected an index from 0 to 1"),
        (["backbones.00.name=spvnas"], "found '00' in the list"),
        (["seeds=[]", "seeds.0=1"], r"^--set seeds\.0: found '0' in the list seeds; expected a list that is not empty"),
        (["name.first=x"], r"^--set name\.first: found 'm' at name; expected keys or a list, to go on to 'first'"),
        (["backbones.0.student_width.x=1"], r"found 0\.25 at backbones\.0\.student_width"),
        (["methods.0.name.x.y=1"], r"found 'none' at methods\.0\.name"),
        (["recipe..epochs=3"], r"^--set recipe\.\.epochs: found an empty key; .*--set recipe\.epochs=3"),
        ([".=3"], r"^--set \.: found an empty key"),
        (["recipe.epochs.=3"], "found an empty key"),
        (["a." * 40 + "b=3"], "found 41 keys; expected at most 32"),
        (["recipe.epochs"], "^--set: found 'recipe.epochs'; expected KEY=VALUE"),
        (["=3"], "^--set: found '=3'; expected KEY=VALUE"),
        (["recipe.epochs=[3"], r"^--set recipe\.epochs: found .*; expected a YAML or JSON value"),
        (["recipe.epochs=!!python/object/apply:os.system [ls]"], "expected a YAML or JSON value"),
        (["name=" + "x" * (1 << 20) + "x"], r"^--set name: found the value has more than 1048576 characters"),
        (["recipe=" + "[" * 1000], "expected a YAML or JSON value"),
    ],
)
def test_what_is_wrong_is_told_by_its_option(settings: list[str], message: str) -> None:
    with pytest.raises(HarnessError, match=message) as error:
        changed(*settings)
    assert "\n" not in str(error.value)


def test_faults_of_engine_seeds_and_the_file_keep_their_names() -> None:
    with pytest.raises(HarnessError, match=r"^the command line, key seeds\.0: found 'a'"):
        changed(seeds="a")
    with pytest.raises(HarnessError, match=r"^the command line, key engine: found 'spcnov'"):
        changed(engine="spcnov")
    with pytest.raises(HarnessError, match=r"^mine\.yaml, key recipe: found 'comon'"):
        override({**CONTENT, "recipe": "comon"}, "mine.yaml", seeds="1")


def test_a_value_can_stand_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "recipe.yaml"
    file.write_text("{base: mix, epochs: 36}\n")
    assert changed(f"recipe=@{file}").recipe == {"base": "mix", "epochs": 36}
    with pytest.raises(HarnessError, match=r"^--set recipe: found .*No such file.*; expected a file that can be read"):
        changed(f"recipe=@{tmp_path / 'none.yaml'}")


def leaves(content: Any, place: tuple[str, ...] = ()) -> list[tuple[str, Any]]:
    """Every place of a file that has keys or a list on the way, with what stands there."""
    children = content.items() if isinstance(content, dict) else enumerate(content) if isinstance(content, list) else ()
    below = [leaf for key, value in children for leaf in leaves(value, (*place, str(key)))]
    return [(".".join(place), content), *below] if place else below


PLACES = [(name, key, value) for name in shipped_matrices() for key, value in leaves(read_matrix(name)[0])]


@settings(max_examples=25, deadline=None)
@given(st.sampled_from(PLACES))
def test_setting_what_the_file_says_changes_nothing(place: tuple[str, str, Any]) -> None:
    """At every place of every shipped matrix, however deep."""
    name, key, value = place
    content, where = read_matrix(name)
    text = yaml.safe_dump(value, default_flow_style=True, width=10**6).removesuffix("...\n")
    assert override(content, where, settings=[f"{key}={text}"]) == load_matrix(name)
