from __future__ import annotations

from harness.config.matrix_file import parse_matrix
from harness.matrix.plan import plan
from harness.spec import DatasetSpec

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
    return plan(parse_matrix({**content, **changes}, "test"), DATASET, 19)


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
