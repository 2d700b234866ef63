"""From a matrix file to its cells: teachers first, each once."""

from __future__ import annotations

from fnmatch import fnmatchcase

from backbones.sparse.engine import get_engine
from baselines.registry import load_method
from harness.config.models import BackboneConfig, MatrixConfig
from harness.config.recipes import resolve_recipe
from harness.config.resolve import resolve_backbone, resolve_method
from harness.errors import HarnessError
from harness.spec import CellSpec, DatasetSpec, MethodSpec

NO_DISTILLATION = MethodSpec(name="none")


def plan(matrix: MatrixConfig, dataset: DatasetSpec, classes: int) -> list[CellSpec]:
    """Return the cells of a matrix, every teacher before the students that need it. Teachers are rows of their own.

    Two students that need the same teacher share one cell: a cell is what its spec says.

    Args:
        matrix: the validated file.
        dataset: the data, by content.
        classes: number of scored classes.
    """
    teachers: dict[str, CellSpec] = {}
    students = []
    for backbone in matrix.backbones:
        for seed in matrix.seeds:
            teacher = _teacher(matrix, dataset, backbone, seed, classes)
            teachers[teacher.hash] = teacher
            students += [
                _cell(matrix, dataset, backbone, seed, classes).model_copy(
                    update={
                        "method": method,
                        "teacher": teacher.hash if load_method(method.name).needs_teacher else None,
                    }
                )
                for method in (resolve_method(config, "matrix") for config in matrix.methods)
            ]
    return [*teachers.values(), *students]


def select(specs: list[CellSpec], pattern: str | None) -> list[CellSpec]:
    """Keep the cells whose name matches a glob, and the teachers they need; all without a pattern.

    Raises:
        HarnessError: no cell matches.
    """
    if pattern is None:
        return specs
    wanted = {spec.hash for spec in specs if fnmatchcase(spec.name, pattern)}
    needed = {spec.teacher for spec in specs if spec.hash in wanted}
    if not wanted:
        names = ", ".join(spec.name for spec in specs)
        raise HarnessError(
            f"--only {pattern}", "no cell of that name", f"a glob that matches one of {names}", "Mend it."
        )
    return [spec for spec in specs if spec.hash in wanted | needed]


def _cell(matrix: MatrixConfig, dataset: DatasetSpec, backbone: BackboneConfig, seed: int, classes: int) -> CellSpec:
    """Return the plain student of a backbone and seed."""
    return CellSpec(
        role="student",
        dataset=dataset,
        backbone=resolve_backbone(backbone, backbone.student_width, classes, "matrix"),
        method=NO_DISTILLATION,
        recipe=resolve_recipe(matrix.recipe, backbone.name, dataset.name, "matrix"),
        seed=seed,
        engine=get_engine(matrix.engine).name,
        measure=matrix.measure,
    )


def _teacher(matrix: MatrixConfig, dataset: DatasetSpec, backbone: BackboneConfig, seed: int, classes: int) -> CellSpec:
    teacher_seed = seed if matrix.teacher_seed is None else matrix.teacher_seed
    network = resolve_backbone(backbone, backbone.teacher_width, classes, "matrix")
    student = _cell(matrix, dataset, backbone, teacher_seed, classes)
    return student.model_copy(update={"role": "teacher", "backbone": network})
