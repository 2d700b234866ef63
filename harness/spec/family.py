"""Which cells are seeds of one and the same."""

from __future__ import annotations

from collections.abc import Mapping

from harness.spec.cell import CellSpec


def seedless(spec: CellSpec, specs: Mapping[str, CellSpec]) -> str:
    """Return what a cell shares with all its seeds: a hash of everything but its own seed and its teacher's.

    Args:
        spec: of the cell.
        specs: by hash, where its teacher is looked up; one that is not among them counts as none.
    """
    teacher = specs.get(spec.teacher or "")
    above = None if teacher is None else seedless(teacher, specs)
    return spec.model_copy(update={"seed": 0, "teacher": above}).hash
