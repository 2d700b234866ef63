"""Lacks of memory in one of the processes that share a cell."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path

import pytest
import torch
from memory_limited import matrix_of
from test_out_of_memory import Cell
from tiny_matrix import Notes, orders_of

from harness.matrix.attempt import attempt
from harness.matrix.data import prepare_data
from harness.matrix.executors.local import LocalExecutor
from harness.matrix.order import Resources
from harness.matrix.run import run_matrix
from harness.spec import CellResult
from harness.store import Store
from harness.train.sitting import never

FAR_TOO_MUCH_MIB = 1 << 20


@pytest.fixture
def root(write_sequences) -> Path:
    return write_sequences({"00": 5, "08": 1}, points=120)


def test_the_processes_of_a_cell_come_down_to_the_micro_batch_that_fits(root: Path, tmp_path: Path) -> None:
    """Each of them has two scans of four at first; they are started by a process of the local executor."""
    cell = Cell(root, tmp_path / "runs", most=1)
    order = dataclasses.replace(cell.order, resources=Resources(torch.device("cpu"), processes=2))
    [result] = run_matrix([order], cell.store, LocalExecutor(tmp_path / "jobs"), cell.notes)
    assert (result.status, result.reason) == ("finished", None)
    assert result.training is not None
    assert (result.training.processes, result.training.micro_batch) == (2, 1)
    assert [(event["processes"], event["micro_batch"]) for event in cell.events("started")] == [(2, None)]
    [retry] = cell.events("memory_retry")
    assert retry["micro_batch"] == 1
    assert "allocate" in retry["reason"]
    alone = Cell(root, tmp_path / "alone", most=1).run(micro_batch=1)
    assert alone.training is not None
    assert result.training.final_terms == pytest.approx(alone.training.final_terms, rel=1e-3)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="RLIMIT_AS bounds what torch takes on Linux only")
def test_processes_of_a_cell_that_may_have_no_more_memory(write_sequences, tmp_path: Path) -> None:
    """The limit lies between what each takes for its half of a batch and what it takes for a scan alone."""
    root, store = write_sequences({"00": 4, "08": 1}, points=15_000), Store(tmp_path)

    def run(spare_mib: int, micro_batch: int | None = None) -> CellResult:
        matrix = matrix_of("bounded:Bounded", {"spare_mib": spare_mib}, epochs=2, width=0.25, voxel_size_m=0.25)
        teacher, student = orders_of(matrix, root, store)
        data = prepare_data(student.copy, store.path, 0)
        if store.find(teacher.cell).result() is None:
            attempt(teacher, store.find(teacher.cell), store, data, Notes(), never)
        resources = Resources(torch.device("cpu"), processes=2, micro_batch=micro_batch)
        order = dataclasses.replace(student, resources=resources)
        return attempt(order, store.find(order.cell), store, data, Notes(), never)

    def taken_mib(result: CellResult) -> float:
        assert result.training is not None, result.reason
        return result.training.final_terms["taken_mib"]

    two, one = taken_mib(run(0)), taken_mib(run(FAR_TOO_MUCH_MIB, micro_batch=1))
    assert two > 1.2 * one, "or the limit says nothing"
    limited = run(round((one + two) / 2))
    assert taken_mib(limited) < two
    assert limited.training is not None
    assert (limited.training.micro_batch, limited.training.processes) == (1, 2)
    assert limited.provenance is not None
    assert limited.provenance.memory_retries == 1
