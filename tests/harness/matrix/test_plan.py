from __future__ import annotations

from collections import Counter
from itertools import product

import pytest

from harness.config.matrix_file import load_matrix, parse_matrix
from harness.config.parts import parts
from harness.data.open import dataset_kind
from harness.errors import HarnessError
from harness.matrix.plan import count_cells, plan, select
from harness.spec import CellSpec, DatasetSpec

DATASET = DatasetSpec(
    name="semantickitti", manifest="m", label_map="l", synthetic=True, partial=False, scans={}, official_scans={}
)


def cells(**changes: object) -> list:
    content = {
        "name": "m",
        "backbones": [{"teacher_width": 0.5, "student_width": 0.25}],
        "methods": ["none", "logit_kd", "pvd"],
        "seeds": [0, 1],
    }
    [part] = parts(parse_matrix({**content, **changes}, "test"))
    return plan(part, DATASET, 19)


def test_teachers_come_first_one_per_seed_and_are_shared() -> None:
    specs = cells()
    assert [(s.role, s.method.name, s.seed, s.backbone.width) for s in specs] == [
        ("teacher", "none", 0, 0.5), ("teacher", "none", 1, 0.5),
        ("student", "none", 0, 0.25), ("student", "logit_kd", 0, 0.25), ("student", "pvd", 0, 0.25),
        ("student", "none", 1, 0.25), ("student", "logit_kd", 1, 0.25), ("student", "pvd", 1, 0.25),
    ]  # fmt: skip
    assert [s.teacher for s in specs[2:5]] == [None, specs[0].hash, specs[0].hash]
    assert specs[7].teacher == specs[1].hash
    assert len({s.hash for s in specs}) == 8


def test_one_teacher_for_all_seeds_when_asked() -> None:
    specs = cells(teacher_seed=7)
    assert [s.seed for s in specs if s.role == "teacher"] == [7]
    assert {s.teacher for s in specs if s.method.name == "pvd"} == {specs[0].hash}


def test_a_cell_carries_every_setting_of_its_method_and_the_engine_that_runs() -> None:
    pvd = cells(methods=[{"name": "pvd", "settings": {"blocks": 2}}])[-1]
    assert pvd.method.settings["blocks"] == 2
    assert pvd.method.settings["points_per_block"] == 1024
    assert pvd.engine == "portable"


def test_spelling_out_a_default_is_the_same_cell() -> None:
    named = cells(methods=[{"name": "logit_kd", "settings": {"temperature": 4.0}}])
    assert [s.hash for s in named] == [s.hash for s in cells(methods=["logit_kd"])]


def test_a_recipe_change_retrains_teacher_and_student() -> None:
    changed = cells(recipe={"epochs": 3})
    assert not {s.hash for s in changed} & {s.hash for s in cells()}


def test_two_teachers_of_one_student_share_its_plain_training() -> None:
    pair = [{"teacher_width": width, "student_width": 0.25} for width in (0.5, 0.75)]
    specs = cells(backbones=pair, methods=["none", "pvd"], seeds=[0])
    assert [(s.role, s.method.name, s.backbone.width) for s in specs] == [
        ("teacher", "none", 0.5), ("teacher", "none", 0.75),
        ("student", "none", 0.25), ("student", "pvd", 0.25), ("student", "pvd", 0.25),
    ]  # fmt: skip
    assert [s.teacher for s in specs[3:]] == [s.hash for s in specs[:2]]


def test_cells_are_named_by_globs_hashes_and_folders() -> None:
    specs = cells()
    teacher, pvd = specs[1], specs[7]
    for pattern in ("*-pvd-s1", pvd.hash, pvd.hash[:6], pvd.cell):
        assert select(specs, pattern) == [teacher, pvd]
    assert select(specs, teacher.hash) == [teacher]
    assert [s.method.name for s in select(specs, "*none*")] == ["none", "none"]
    assert select(specs, None) == specs


@pytest.mark.parametrize("pattern", ["pvd", "0" * 12, "0" * 40, "{hash5}*", "{hash5}", "*{hash}*", "X-{name}"])
def test_a_pattern_that_names_no_cell_is_refused(pattern: str) -> None:
    """A glob does not see the digits of hashes: what they spell is chance."""
    specs = cells(methods=["pvd"], seeds=[0])
    text = pattern.format(hash5=specs[0].hash[:5], hash=specs[0].hash, name=specs[0].name)
    with pytest.raises(
        HarnessError, match=r"found no cell of that name; expected a cell's hash, or .*-w0\.5-teacher-s0"
    ):
        select(specs, text)


def planned(name: str) -> list[list[CellSpec]]:
    """The cells of a shipped matrix on data of fixed content, part by part."""
    found = []
    for part in parts(load_matrix(name)):
        spec = DATASET.model_copy(update={"name": part.dataset.name})
        found.append(plan(part, spec, len(dataset_kind(part.dataset.name).class_names) - 1))
    return found


def test_full_is_the_papers_comparison_on_both_data_sets() -> None:
    kitti, nuscenes = planned("full")
    assert [len(kitti), len(nuscenes)] == [54, 54]
    assert len({spec.hash for spec in (*kitti, *nuscenes)}) == 108
    for specs, name in ((kitti, "semantickitti"), (nuscenes, "nuscenes")):
        teachers = {spec.hash: spec for spec in specs if spec.role == "teacher"}
        rows = {
            (spec.backbone.name, "teacher" if spec.hash in teachers else spec.method.name, spec.seed) for spec in specs
        }
        methods = ("teacher", "none", "logit_kd", "fitnets", "attention_transfer", "pvd")
        assert rows == set(product(("cylinder3d", "spvnas", "minkowskinet"), methods, (0, 1, 2)))
        assert {spec.dataset.name for spec in specs} == {name}
        assert {spec.backbone.width for spec in teachers.values()} == {1.0}
        assert {(spec.backbone.width, spec.recipe.name) for spec in specs[9:]} == {(0.5, "common")}
        taught = Counter(spec.teacher for spec in specs if spec.teacher)
        assert taught == dict.fromkeys(teachers, 4)
        heights = {tuple(spec.backbone.settings["z_m"]) for spec in specs if spec.backbone.name == "cylinder3d"}
        assert heights == {(-5, 3) if name == "nuscenes" else (-4, 2)}


def test_nightly_is_a_part_of_each_data_set() -> None:
    for specs in planned("nightly"):
        assert len(specs) == 12
        assert {spec.method.name for spec in specs} == {"none", "logit_kd", "pvd"}
        assert {(spec.recipe.name, spec.recipe.scans_per_epoch) for spec in specs} == {("nightly", 1000)}


def test_cells_are_counted_without_data() -> None:
    for name in ("demo", "full", "nightly", "ablation"):
        assert count_cells(load_matrix(name)) == sum(map(len, planned(name)))
