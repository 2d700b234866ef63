"""Clauses of whole rows stand in test_grouping.py."""

from __future__ import annotations

from harness.report.sharing import sharing
from harness.spec import SittingResult


def sitting(micro_batch: int | None, processes: int = 1) -> SittingResult:
    told = {"device": "AMD EPYC, threads: 2", "harness": "0.6.0", "commit": None}
    return SittingResult(processes=processes, micro_batch=micro_batch, steps=50, seconds=30, **told)


def test_whole_batches_need_no_clause(spec, result) -> None:
    assert sharing(result(spec(), 0.5)) == ""
    assert sharing(result(spec(), 0.5, sharing={"sittings": (sitting(None), sitting(None))})) == ""


def test_parts_of_a_training_that_were_shared_otherwise_are_told(spec, result) -> None:
    later = {"micro_batch": 1, "sittings": (sitting(None), sitting(1))}
    clause = "trained with micro-batches of 1 scan in some of its sittings: batch normalisation saw one scan at a time"
    assert sharing(result(spec(), 0.5, sharing=later)) == clause
    throughout = {"micro_batch": 1, "sittings": (sitting(1), sitting(1))}
    assert sharing(result(spec(), 0.5, sharing=throughout)) == clause.replace(" in some of its sittings", "")
    fewer = {"processes": 2, "sittings": (sitting(None, 2), sitting(None, 1))}
    assert sharing(result(spec(), 0.5, sharing=fewer)) == "trained by 2 processes in some of its sittings"


def test_a_failed_cell_has_no_clause(spec, result) -> None:
    failed = result(spec(), 0.5).model_copy(update={"status": "failed", "training": None})
    assert sharing(failed) == ""
