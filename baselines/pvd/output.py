"""Output distillation: the student's class distribution follows the teacher's, over points and over voxels."""

from __future__ import annotations

from torch import Tensor

from baselines.divergence import divergence_rows
from baselines.pvd.settings import Direction


def output_divergence(student: Tensor, teacher: Tensor, direction: Direction, temperature: float) -> Tensor:
    """Return T²·KL between the class distributions of each row, [M].

    Args:
        student: [M, C] logits, with gradients.
        teacher: [M, C] logits of the same rows.
        direction: ``teacher_to_student`` is KL(T ‖ S), ``student_to_teacher`` KL(S ‖ T).
        temperature: T.
    """
    fixed = teacher.detach()
    if direction == "teacher_to_student":
        return divergence_rows(fixed, student, temperature)
    return divergence_rows(student, fixed, temperature)


def mean_over_grid(divergence: Tensor, cells: int, scans: int, counted: Tensor | None = None) -> Tensor:
    """Return the mean over every cell of the dense grid, then over the scans: a scalar.

    Cells without a voxel add nothing but are divided by, as in the paper's formula for the voxel output term.

    Args:
        divergence: [V], one value per active voxel.
        cells: R·A·H.
        scans: number of scans in the batch.
        counted: [V] bool, the voxels that count; None for all.
    """
    kept = divergence if counted is None else divergence * counted
    return kept.sum() / (cells * scans)
