"""A matrix data set by data set: each with the networks and methods that its scans ask for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from harness.config.grids import backbone_on, method_on
from harness.config.models import BackboneConfig, DatasetConfig, MatrixConfig, MethodConfig
from harness.data.open import dataset_kind
from harness.spec import MeasureSpec, TrainingSplit


@dataclass(frozen=True)
class MatrixPart:
    """What a matrix says for one of its data sets.

    Attributes:
        dataset: the data set.
        backbones: on the heights published for it, where they have a grid and the matrix says nothing else.
        methods: the same.
        seeds: of the students.
        teacher_seed: one teacher for all seeds; None: one per seed.
        recipe: name or keys; `resolve_recipe` makes it complete for a backbone.
        measure: what is measured of each cell.
        engine: name.
        submission: the method whose first cell is exported; None where there is no server to send it to.
        train_on: splits that teachers and students are trained on.
    """

    dataset: DatasetConfig
    backbones: tuple[BackboneConfig, ...]
    methods: tuple[MethodConfig, ...]
    seeds: tuple[int, ...]
    teacher_seed: int | None
    recipe: Any
    measure: MeasureSpec
    engine: str
    submission: str | None
    train_on: tuple[TrainingSplit, ...]


def parts(matrix: MatrixConfig) -> tuple[MatrixPart, ...]:
    """Return the parts of a matrix, in the order of its data sets."""
    return tuple(_part(matrix, dataset) for dataset in matrix.datasets)


def can_be_submitted(dataset: DatasetConfig) -> bool:
    """Whether the harness writes archives of this data set's task."""
    return dataset_kind(dataset.name).root_name == "semantickitti"


def _part(matrix: MatrixConfig, dataset: DatasetConfig) -> MatrixPart:
    return MatrixPart(
        dataset=dataset,
        backbones=tuple(backbone_on(dataset.name, backbone) for backbone in matrix.backbones),
        methods=tuple(method_on(dataset.name, method) for method in matrix.methods),
        seeds=matrix.seeds,
        teacher_seed=matrix.teacher_seed,
        recipe=matrix.recipe,
        measure=matrix.measure,
        engine=matrix.engine,
        submission=matrix.submission if can_be_submitted(dataset) else None,
        train_on=matrix.train_on,
    )
