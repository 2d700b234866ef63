import pytest

from harness.config.models import MethodConfig
from harness.config.resolve import resolve_method
from harness.report.grouping import build_rows
from harness.spec import MeasureSpec, TtaResult, TtaSpec


def test_rows_that_would_share_a_name_say_how_they_differ(spec, result) -> None:
    rows = build_rows([result(spec("pvd", settings={"weight": w, "voxels": 8}), 0.5) for w in (0.1, 0.2)])
    assert [row.label for row in rows] == ["student 0.5× + pvd (weight=0.1)", "student 0.5× + pvd (weight=0.2)"]


def test_a_label_leaves_out_what_is_a_default(spec, result) -> None:
    usual = {"temperature": 4.0, "weight": 1.0, "supervised_weight": 1.0, "rows": "voxels", "labelled_only": False}
    other = [usual, {**usual, "temperature": 2.0}, {**usual, "weight": 0.5, "rows": "points"}]
    cells = [spec("logit_kd", settings=settings) for settings in other]
    labels = [row.label for row in build_rows([result(cell, 0.5) for cell in cells], planned=cells)]
    assert [label.removeprefix("student 0.5× + ") for label in labels] == [
        "logit_kd",
        "logit_kd (temperature=2)",
        "logit_kd (rows=points, weight=0.5)",
    ]


def test_sums_are_told_apart_by_the_settings_of_their_parts(spec, result) -> None:
    cells = []
    for blocks in (4, 2):
        parts = [MethodConfig(name="logit_kd"), MethodConfig(name="pvd", settings={"blocks": blocks})]
        settings = {"methods": [resolve_method(part, "test").model_dump(exclude={"source"}) for part in parts]}
        cells.append(spec("sum", settings=settings))
    labels = [row.label for row in build_rows([result(cell, 0.5) for cell in cells], planned=cells)]
    assert labels == ["student 0.5× + logit_kd+pvd", "student 0.5× + logit_kd+pvd (pvd.blocks=2)"]


def test_a_setting_that_an_older_version_lacked_is_not_the_teachers_fault(spec, result) -> None:
    usual = resolve_method(MethodConfig(name="pvd"), "test").settings
    older = {key: value for key, value in usual.items() if key != "minor_unit"}
    labels = [row.label for row in build_rows([result(spec("pvd", settings=s), 0.5) for s in (usual, older)])]
    assert labels == ["student 0.5× + pvd", "student 0.5× + pvd (minor_unit=unknown)"]


def test_no_code_of_a_users_is_run_for_a_label(spec, result, tmp_path, monkeypatch) -> None:
    (tmp_path / "own_label.py").write_text("raise SystemExit('run')\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    cells = [spec("own_label:Mine", settings={"weight": weight}) for weight in (1.0, 2.0)]
    labels = [row.label for row in build_rows([result(cell, 0.5) for cell in cells])]
    assert labels == ["student 0.5× + Mine (weight=1)", "student 0.5× + Mine (weight=2)"]


def test_two_teachers_of_one_seed_are_two_rows(spec, result) -> None:
    teachers = [spec(role="teacher", seed=seed) for seed in (0, 1)]
    students = [spec("kd", 0, teacher=teacher.hash) for teacher in teachers]
    rows = build_rows([result(cell, 0.5) for cell in (*teachers, *students)])
    assert sorted(row.label for row in rows[1:]) == sorted(f"student 0.5× + kd (teacher {t.hash})" for t in teachers)


def test_a_label_names_a_few_views_and_counts_many(matrix) -> None:
    views = TtaSpec(flip=("none",), rotate_deg=tuple(range(0, 350, 7)))
    seen = matrix[1].model_copy(update={"tta": TtaResult(settings=views, views=50, score=matrix[1].score)})
    assert build_rows([seen])[1].label == "student 0.5× + TTA, 50 views (rotated in 50 ways from 0° to 343°)"


@pytest.mark.parametrize(
    "one, other",
    [
        ((0, 10, 20, 30, 40, 50, 60), (0, 11, 20, 30, 40, 50, 60)),
        ((0, 1, 2, 3, 4, 5, 60), (0, 1, 2, 3, 4, 6, 60)),
        ((0.1234567, 5), (0.1234568, 5)),
    ],
)
def test_two_lists_of_views_never_share_a_label(spec, result, one, other) -> None:
    lists = [TtaSpec(flip=("none",), rotate_deg=angles) for angles in (one, other)]
    cells = [spec(method, measure=MeasureSpec(tta=tta)) for method, tta in zip(("none", "kd"), lists, strict=True)]
    rows = build_rows([], planned=cells)
    named = [row.label.partition("TTA, ")[2] for row in rows if row.tta is not None]
    assert len(set(named)) == 2


def test_only_angles_in_equal_steps_need_no_hash(spec) -> None:
    for angles, hashed in ((tuple(n / 10 for n in range(8)), False), ((0, 1, 2, 3, 4, 5, 60), True)):
        tta = TtaSpec(flip=("none",), rotate_deg=angles)
        *_, row = build_rows([], planned=[spec(measure=MeasureSpec(tta=tta))])
        assert ("SHA-256" in row.label) == hashed
