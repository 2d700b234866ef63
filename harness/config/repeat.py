"""A matrix that has one cell of another, so that it can be run again by itself."""

from __future__ import annotations

from typing import Any

from harness.config.matrix_file import matrix_text
from harness.config.models import BackboneConfig, DatasetConfig, MatrixConfig, MethodConfig
from harness.config.recipes import resolve_recipe, shipped_recipes
from harness.errors import HarnessError
from harness.spec import CellSpec


def repeat_matrix(spec: CellSpec, teacher: CellSpec | None) -> MatrixConfig:
    """Return a matrix with a cell and its teacher, every setting spelled out.

    Its plan on the same data also has the teacher or the student that the cell can do without: run it with
    ``--only <hash>``. A method of the user's own is named by its path, so that its file must be what it was.

    Args:
        spec: of the cell.
        teacher: the spec of its teacher; None where it has none.

    Raises:
        HarnessError: the cell was trained under a recipe that ships, and whose figures have changed since.
        ValueError: `teacher` is not the cell's.
    """
    if spec.teacher != (None if teacher is None else teacher.hash):
        raise ValueError(f"{spec.cell} has another teacher")
    network = spec.backbone
    backbone = BackboneConfig(
        name=network.name,
        teacher_width=network.width if teacher is None else teacher.backbone.width,
        student_width=network.width,
        voxel_size_m=network.voxel_size_m,
        settings=network.settings,
    )
    return MatrixConfig(
        name=f"repeat-{spec.hash}",
        datasets=(DatasetConfig(name=spec.dataset.name, settings=spec.dataset.settings),),
        backbones=(backbone,),
        methods=(MethodConfig(name=spec.method.name, settings=spec.method.settings),),
        seeds=(spec.seed,),
        teacher_seed=None if teacher is None else teacher.seed,
        recipe=_recipe_keys(spec),
        measure=spec.measure,
        engine=spec.engine,
        train_on=spec.train_on,
    )


def repeat_text(spec: CellSpec, teacher: CellSpec | None) -> str:
    """Return the text of the file of `repeat_matrix`, which says how to run it."""
    head = f"# {spec.cell}\n# Run it again: harness run --matrix THIS_FILE --only {spec.hash}\n"
    return head + matrix_text(repeat_matrix(spec, teacher))


def _recipe_keys(spec: CellSpec) -> str | dict[str, Any]:
    """Return what a matrix says to train under the recipe of a cell: its name if it ships, else all of its keys."""
    name = spec.recipe.name
    if name not in shipped_recipes():
        return spec.recipe.model_dump(mode="json")
    if resolve_recipe(name, spec.backbone.name, spec.dataset.name, spec.cell) != spec.recipe:
        found, expected = "other figures than the recipe of that name has now", f"those of {name}"
        remedy = "Repeat the cell with the version of the harness that its result names."
        raise HarnessError(f"{spec.cell}, key recipe", found, expected, remedy)
    return name
