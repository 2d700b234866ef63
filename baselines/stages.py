"""The named stages of a network that a method reads, on the student's side and on the teacher's."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import get_close_matches

from torch import Tensor

from backbones.output import SegmentationOutput
from baselines.method import MethodContext


class UnknownStageError(ValueError):
    """A stage that the networks don't have."""


def chosen_stages(wanted: Sequence[str] | None, usual: Sequence[str], context: MethodContext) -> tuple[str, ...]:
    """Return the stages a method reads: those of its settings, or the usual ones of the backbone.

    Args:
        wanted: names of stages; None for the usual ones.
        usual: for example ``context.level_stages``.
        context: knows which stages there are.

    Raises:
        UnknownStageError: there is no such stage, or one is named twice.
    """
    names = tuple(usual if wanted is None else wanted)
    known = list(context.student_stages)
    for place, name in enumerate(names):
        if name not in context.student_stages:
            near = get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(known)}."
            raise UnknownStageError(f"no stage {name!r}; {hint}")
        if name in names[:place]:
            raise UnknownStageError(f"stage {name!r} is named twice")
    return names


def stage_pairs(
    names: Sequence[str], student: SegmentationOutput, teacher: SegmentationOutput
) -> Iterator[tuple[str, Tensor, Tensor, Tensor]]:
    """Yield (name, student's rows [M, F_S], teacher's rows [M, F_T] without gradient, scan of each row [M])."""
    for name in names:
        there = student.stages[name]
        yield name, there.features, teacher.stages[name].features.detach(), there.scan_index
