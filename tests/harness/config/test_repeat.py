"""Every cell that a matrix can have, written as a matrix of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, reject, settings
from hypothesis import strategies as st

from harness.config.matrix_file import load_matrix, parse_matrix, shipped_matrices
from harness.config.models import MatrixConfig
from harness.config.parts import parts
from harness.config.recipes import RecipeFile
from harness.config.repeat import repeat_matrix, repeat_text
from harness.data.open import dataset_kind, resolve_settings
from harness.errors import HarnessError
from harness.matrix.plan import plan, select
from harness.spec import CellSpec, DatasetName, DatasetSpec

Cells = dict[str, CellSpec]


def data(name: DatasetName, given: dict[str, Any]) -> DatasetSpec:
    return DatasetSpec(
        name=name, manifest="m", label_map="l", synthetic=False, partial=True, scans={"train": 3},
        official_scans={"train": 9}, settings=resolve_settings(name, given, "test"),
    )  # fmt: skip


def classes(name: DatasetName) -> int:
    return len(dataset_kind(name).class_names) - 1


def cells(matrix: MatrixConfig) -> Cells:
    """Every cell of a matrix, by its hash."""
    found = []
    for part in parts(matrix):
        found += plan(part, data(part.dataset.name, part.dataset.settings), classes(part.dataset.name))
    return {spec.hash: spec for spec in found}


def assert_repeated(spec: CellSpec, teacher: CellSpec | None) -> None:
    """Plan the text of a cell's own matrix: the same cell with the same teacher, key by key."""
    [part] = parts(parse_matrix(yaml.safe_load(repeat_text(spec, teacher)), "repeat.yaml"))
    again = select(plan(part, spec.dataset, classes(spec.dataset.name)), spec.hash)
    assert again == [cell for cell in (teacher, spec) if cell is not None]
    assert [cell.hash for cell in again] == [cell.hash for cell in (teacher, spec) if cell is not None]


@pytest.mark.parametrize("name", shipped_matrices())
def test_every_cell_of_every_shipped_matrix_is_repeated(name: str) -> None:
    planned = cells(load_matrix(name))
    for spec in planned.values():
        assert_repeated(spec, planned.get(spec.teacher or ""))


WIDTHS = st.floats(0.0625, 2.0)
BACKBONES = st.one_of(
    st.fixed_dictionaries(
        {"name": st.sampled_from(["minkowskinet", "spvnas"])},
        optional={"teacher_width": WIDTHS, "student_width": WIDTHS, "voxel_size_m": st.floats(0.01, 5.0)},
    ),
    st.fixed_dictionaries(
        {"name": st.just("cylinder3d"), "settings": st.fixed_dictionaries({}, optional={"z_m": st.just([-3.5, 1e-7])})},
        optional={"teacher_width": WIDTHS, "student_width": WIDTHS},
    ),
)
METHODS = st.sampled_from(
    [
        "none",
        "pvd + logit_kd",
        {"name": "logit_kd", "settings": {"temperature": 1.1, "weight": 1e-5}},
        {"name": "pvd", "settings": {"lowest": [0, -3, -2], "blocks": 1}},
        {"name": "sum", "settings": {"methods": ["skd", {"name": "cwd", "settings": {}}]}},
    ]
)
RECIPES = st.one_of(
    st.sampled_from(["common", "released", "mix", {"base": "mix", "epochs": 2}, {"base": "released"}, {}]),
    st.fixed_dictionaries(
        {"name": st.sampled_from(["mine", "yes", "null", "1e3", "12:30", "a: b", "- x", "\u00e9 #"])},
        optional={
            "learning_rate": st.floats(1e-12, 1e3),
            "scans_per_epoch": st.integers(1, 9),
            "gradient_clip": st.floats(0.1, 9),
            "augmentation": st.just({"flip": ["none", "xy"], "max_points": 7}),
        },
    ),
)  # fmt: skip
DATA = st.sampled_from(
    [
        {"name": "semantickitti"},
        {"name": "semantickitti-multiscan", "settings": {"past_scans": 1}},
        {"name": "nuscenes", "settings": {"version": "v1.0-mini"}},
        {"name": "nuscenes", "synthetic": {"scans": 4}},
    ]
)
MATRICES = st.fixed_dictionaries(
    {
        "name": st.just("any"),
        "datasets": st.lists(DATA, min_size=1, max_size=2, unique_by=str),
        "backbones": st.lists(BACKBONES, min_size=1, max_size=2, unique_by=str),
        "methods": st.lists(METHODS, min_size=1, max_size=3, unique_by=str),
        "recipe": RECIPES,
    },
    optional={
        "seeds": st.lists(st.integers(0, 10**9), min_size=1, max_size=2, unique=True),
        "teacher_seed": st.integers(0, 99),
        "measure": st.sampled_from([{"macs_scans": 1}, {"tta": {"rotate_deg": [0, 90]}}]),
        "engine": st.just("portable"),
        "train_on": st.sampled_from([["train"], ["train", "val"]]),
    },
)


@settings(max_examples=25, deadline=None)
@given(MATRICES, st.randoms(use_true_random=False))
def test_any_cell_of_any_matrix_is_repeated(content: dict[str, Any], random: Any) -> None:
    try:
        planned = cells(parse_matrix(content, "any"))
    except HarnessError as error:
        # As another of the drawn networks, methods or data sets; or views of scans that were trained on.
        if "the same" not in str(error) and "no measure.tta beside" not in str(error):
            raise
        reject()
    for spec in random.sample(sorted(planned.values(), key=lambda spec: spec.hash), min(4, len(planned))):
        assert_repeated(spec, planned.get(spec.teacher or ""))


def test_a_method_of_ones_own_is_repeated_while_its_file_is_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "own_repeated.py").write_text("from baselines.logit_kd import LogitKD\nclass Own(LogitKD): ...\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    own = {"name": "own_repeated:Own", "settings": {"temperature": 3}}
    methods = [own, "pvd + own_repeated:Own"]
    planned = cells(parse_matrix({"name": "m", "backbones": [{}], "methods": methods, "teacher_seed": 4}, "m"))
    students = [spec for spec in planned.values() if spec.role == "student"]
    assert [spec.method.source is not None for spec in students] == [True, True]
    for spec in students:
        assert planned[spec.teacher or ""].seed == 4
        assert_repeated(spec, planned[spec.teacher or ""])


def test_the_text_says_how_to_run_it() -> None:
    planned = cells(load_matrix("demo"))
    spec = next(iter(planned.values()))
    head, how, *_ = repeat_text(spec, None).splitlines()
    assert head == f"# {spec.cell}"
    assert how.endswith(f"--only {spec.hash}")
    assert repeat_matrix(spec, None).name == f"repeat-{spec.hash}"


def test_another_teacher_is_refused() -> None:
    planned = cells(load_matrix("demo"))
    taught = next(spec for spec in planned.values() if spec.teacher)
    untaught = next(spec for spec in planned.values() if not spec.teacher)
    for spec, teacher in ((taught, None), (taught, taught), (untaught, untaught)):
        with pytest.raises(ValueError, match="has another teacher"):
            repeat_matrix(spec, teacher)


def test_a_recipe_that_has_changed_since_can_not_be_named(monkeypatch: pytest.MonkeyPatch) -> None:
    [first, *_] = cells(load_matrix("first-run")).values()
    spec = first.model_copy(update={"recipe": first.recipe.model_copy(update={"name": "night"})})
    assert_repeated(spec, None)
    shipped = {"night": RecipeFile.model_validate({"layers": [{"recipe": {"epochs": 77}}]})}
    monkeypatch.setattr("harness.config.recipes.shipped_recipes", lambda: shipped)
    monkeypatch.setattr("harness.config.repeat.shipped_recipes", lambda: shipped)
    with pytest.raises(
        HarnessError, match=r"key recipe: found other figures.*those of night\. Repeat the cell with the"
    ):
        repeat_text(spec, None)
