"""From a part of a matrix to its cells: teachers first, each once."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase

from backbones.sparse.engine import get_engine
from baselines.registry import load_method
from harness.config.models import BackboneConfig, MatrixConfig
from harness.config.parts import MatrixPart, parts
from harness.config.recipes import resolve_recipe
from harness.config.resolve import resolve_backbone, resolve_method
from harness.data.open import class_count
from harness.errors import HarnessError
from harness.spec import CellSpec, DatasetSpec, MethodSpec

NO_DISTILLATION = MethodSpec(name="none")
SHORTEST_HASH = 6
"""Digits of a cell's hash that are enough to name it."""


def plan(part: MatrixPart, dataset: DatasetSpec, classes: int) -> list[CellSpec]:
    """Return the cells of a part of a matrix, every teacher before the students that need it.

    A cell is what its spec says, and is here once: students of one teacher share it, and two teachers of one student
    its plain training. Teachers are rows of their own.

    Args:
        part: of the validated matrix.
        dataset: its data, by content.
        classes: number of scored classes.
    """
    methods = [resolve_method(config, "matrix") for config in part.methods]
    taught = [load_method(method.name).needs_teacher for method in methods]
    teachers: dict[str, CellSpec] = {}
    students: dict[str, CellSpec] = {}
    for backbone in part.backbones:
        plain, teaching = _plain_cells(part, dataset, backbone, classes)
        for seed in part.seeds:
            teacher_seed = seed if part.teacher_seed is None else part.teacher_seed
            teacher = teaching.model_copy(update={"seed": teacher_seed})
            teachers[name := teacher.hash] = teacher
            for method, needs_teacher in zip(methods, taught, strict=True):
                own = {"seed": seed, "method": method, "teacher": name if needs_teacher else None}
                student = plain.model_copy(update=own)
                students.setdefault(student.hash, student)
    return [*teachers.values(), *students.values()]


def count_cells(matrix: MatrixConfig) -> int:
    """Return the number of cells of a validated matrix, which its data has no say in."""
    cells = 0
    for part in parts(matrix):
        unread = DatasetSpec(
            name=part.dataset.name, manifest="", label_map="", synthetic=False, partial=False, scans={},
            official_scans={},
        )  # fmt: skip
        cells += len(plan(part, unread, class_count(part.dataset.name)))
    return cells


def select(specs: list[CellSpec], pattern: str | None) -> list[CellSpec]:
    """Keep the cells that are named, and the teachers they need; all without a pattern.

    Args:
        specs: the cells.
        pattern: a glob that names match; or a cell's hash, six of its digits or more from the left; or its folder.

    Raises:
        HarnessError: no cell matches.
    """
    if pattern is None:
        return specs
    hashes = [spec.hash for spec in specs]
    chosen = [(hash, spec) for hash, spec in zip(hashes, specs, strict=True) if _is_named(hash, spec.name, pattern)]
    if not chosen:
        names = ", ".join(dict.fromkeys(spec.name for spec in specs))
        expected = f"a cell's hash, or a glob that matches one of {names}"
        raise HarnessError(f"--only {pattern[:80]}", "no cell of that name", expected, "Mend it.")
    wanted = {hash for hash, _ in chosen} | {spec.teacher for _, spec in chosen}
    return [spec for hash, spec in zip(hashes, specs, strict=True) if hash in wanted]


def _is_named(hash: str, name: str, pattern: str) -> bool:
    """Whether a pattern names a cell. Globs don't see its hash, whose digits may look like a part of a name."""
    if re.fullmatch(f"[0-9a-f]{{{SHORTEST_HASH},}}", pattern):
        return hash.startswith(pattern)
    return pattern == f"{hash}-{name}" or fnmatchcase(name, pattern)


def _plain_cells(
    part: MatrixPart, dataset: DatasetSpec, backbone: BackboneConfig, classes: int
) -> tuple[CellSpec, CellSpec]:
    """Return the student without distillation and the teacher of a backbone, of the first seed."""
    plain = CellSpec(
        role="student",
        dataset=dataset,
        backbone=resolve_backbone(backbone, backbone.student_width, classes, "matrix"),
        method=NO_DISTILLATION,
        recipe=resolve_recipe(part.recipe, backbone.name, dataset.name, "matrix"),
        seed=part.seeds[0],
        engine=get_engine(part.engine).name,
        train_on=part.train_on,
        measure=part.measure,
    )
    network = resolve_backbone(backbone, backbone.teacher_width, classes, "matrix")
    return plain, plain.model_copy(update={"role": "teacher", "backbone": network})
