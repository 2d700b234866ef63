"""A loss term that is not finite: which scan, and which part of the step, is at fault, and what to do about it."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from backbones.output import SegmentationOutput
from backbones.voxelize import VoxelBatch
from harness.errors import HarnessError
from harness.train.finite import DIVERGED, KEPT, Moment, few, infinite_names, largest, scans_label
from harness.train.one_scan import RowsByScan, input_rows, output_rows

DATA = f"Look at the data with `harness data check`, and mend or remove the scan; {KEPT}"
TEACHER = f"Train the teacher anew with a lower recipe.learning_rate, or remove the scan; {KEPT}"


@dataclass(frozen=True)
class Evidence:
    """What a training step leaves to look into.

    Attributes:
        voxels: the batch that both networks read.
        student: its outputs.
        teacher: its outputs, None without one.
        weights: of the student and of the method's adapters, by name.
        method: name of the method.
        terms_of: computes the terms of one scan of the batch alone, from the same outputs.
    """

    voxels: VoxelBatch
    student: SegmentationOutput
    teacher: SegmentationOutput | None
    weights: Mapping[str, Tensor]
    method: str
    terms_of: Callable[[int], Mapping[str, Tensor]]


@dataclass(frozen=True)
class Cause:
    """Who is at fault: a clause, the numbers of the scans (all when empty), and what to do."""

    clause: str
    scans: tuple[int, ...]
    remedy: str


def term_fault(terms: Mapping[str, float], evidence: Evidence, moment: Moment) -> HarnessError:
    """Return the error for a step with terms that are not finite: which terms, step and scans, and who is at fault.

    Args:
        terms: value of every term of the step.
        evidence: what the step computed.
        moment: the step.
    """
    infinite = {name: value for name, value in terms.items() if not math.isfinite(value)}
    cause = _cause(infinite.keys(), evidence)
    ids = evidence.voxels.points.scan_ids
    where = f"{moment}, {scans_label([ids[scan] for scan in cause.scans] or ids)}"
    found = few([f"term '{name}' = {value}" for name, value in infinite.items()])
    return HarnessError(where, f"{found}: {cause.clause}", "finite terms", cause.remedy)


def _cause(terms: Collection[str], evidence: Evidence) -> Cause:
    """Look at the input, then at the networks that read it, then at the loss that reads the networks."""
    voxels = evidence.voxels
    if broken := _broken(input_rows(voxels)):
        return Cause(f"the input is not finite ({few(list(broken))})", _scans(broken), DATA)
    teacher = {} if evidence.teacher is None else _broken(output_rows(evidence.teacher, voxels))
    student = _broken(output_rows(evidence.student, voxels))
    suspects = {
        "the teacher's outputs": list(teacher),
        "the student's outputs": list(student),
        "the trained weights": infinite_names(evidence.weights),
    }
    clauses = [f"{suspect} ({few(names)})" for suspect, names in suspects.items() if names]
    if not clauses:
        return _of_loss(terms, evidence)
    # One scan's NaN reaches its whole batch through the student's normalisation; the teacher's statistics are frozen.
    return Cause(
        f"{' and '.join(clauses)} are not finite", _scans(teacher or student), TEACHER if teacher else DIVERGED
    )


def _of_loss(terms: Collection[str], evidence: Evidence) -> Cause:
    """Return the cause where both networks are fine: the loss itself, on the scans that show it alone."""
    networks = {"student": evidence.student} | ({} if evidence.teacher is None else {"teacher": evidence.teacher})
    sizes = (
        f"{max(largest(values) for values, _ in output_rows(output, evidence.voxels).values()):.2g} of the {name}"
        for name, output in networks.items()
    )
    remedy = (
        f"Where the outputs are huge, lower recipe.learning_rate; else mend method {evidence.method!r} or its settings"
    )
    return Cause(
        f"the outputs are finite (at most {', '.join(sizes)}), so the loss itself is at fault",
        tuple(scan for scan in range(evidence.voxels.points.scans) if _shows(terms, evidence, scan)),
        f"{remedy}; {KEPT}",
    )


def _shows(terms: Collection[str], evidence: Evidence, scan: int) -> bool:
    """Tell whether one of these terms is not finite for one scan alone."""
    try:
        with torch.no_grad():
            alone = {name: float(term) for name, term in evidence.terms_of(scan).items()}
    except (Exception, SystemExit):  # a method that can't judge a scan alone must not hide one fault with another
        return False
    return any(name in terms and not math.isfinite(value) for name, value in alone.items())


def _broken(parts: RowsByScan) -> dict[str, set[int]]:
    """Return the scans with rows that are not finite by name of the part; parts that are finite are left out."""
    found = {}
    for name, (values, scan_index) in parts.items():
        infinite = ~values.detach().reshape(len(values), -1).isfinite().all(1)
        if infinite.any():
            found[name] = set(scan_index[infinite].tolist())
    return found


def _scans(broken: Mapping[str, set[int]]) -> tuple[int, ...]:
    return tuple(sorted(set().union(*broken.values())))
