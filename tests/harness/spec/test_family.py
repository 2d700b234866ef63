from typing import Any

import pytest

from harness.spec import BackboneSpec, CellSpec, DatasetSpec, MethodSpec, RecipeSpec, seedless


def cell(seed: int = 0, **changes: Any) -> CellSpec:
    usual: dict[str, Any] = {
        "role": "student",
        "dataset": DatasetSpec(
            name="semantickitti",
            manifest="m",
            label_map="l",
            synthetic=True,
            partial=False,
            scans={},
            official_scans={},
        ),
        "backbone": BackboneSpec(name="minkowskinet", width=0.5, voxel_size_m=0.05, classes=19),
        "method": MethodSpec(name="logit_kd"),
        "recipe": RecipeSpec(),
        "engine": "portable",
    }
    return CellSpec(seed=seed, **usual | changes)


def families(*cells: CellSpec) -> int:
    specs = {spec.hash: spec for spec in cells}
    return len({seedless(spec, specs) for spec in cells})


def test_seeds_of_cells_and_of_their_teachers_make_no_difference() -> None:
    teachers = [cell(seed, role="teacher") for seed in (0, 1)]
    students = [cell(seed, teacher=teacher.hash) for seed in (0, 3) for teacher in teachers]
    assert families(*teachers) == 1
    assert families(*teachers, *students) == 2


@pytest.mark.parametrize(
    "change", [{"engine": "triton"}, {"recipe": RecipeSpec(epochs=3)}, {"train_on": ("train", "val")}]
)
def test_all_else_does_and_of_the_teacher_too(change: dict[str, Any]) -> None:
    assert families(cell(), cell(1, **change)) == 2
    teachers = [cell(role="teacher"), cell(role="teacher", **change)]
    students = [cell(seed, teacher=teacher.hash) for seed, teacher in enumerate(teachers)]
    assert families(*teachers, *students) == 4


def test_a_teacher_of_whom_nothing_is_known_is_none() -> None:
    assert families(cell(teacher="0" * 12), cell(1, teacher="1" * 12), cell(2)) == 1


def test_how_much_is_measured_makes_no_difference() -> None:
    assert families(cell(), cell(1, measure={"macs_scans": 1})) == 1
