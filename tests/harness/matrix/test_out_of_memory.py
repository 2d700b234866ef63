"""Lacks of memory: by an allocator that is asked for too much, and by a process that may have no more."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from greedy import TOO_MUCH, GreedyReader
from memory_limited import matrix_of
from tiny_matrix import Notes, orders_of

from harness.cli.repeat import repetition
from harness.data.loader import prefetch
from harness.matrix.attempt import attempt, remembered_micro_batch
from harness.matrix.data import RunData, prepare_data
from harness.matrix.order import CellOrder, Resources
from harness.matrix.out_of_memory import out_of_memory
from harness.spec import CellResult
from harness.store import CellFolder, Store
from harness.train.sitting import Stopped, never


def raised(work: Callable[[], object]) -> BaseException:
    with pytest.raises(Exception) as caught:  # noqa: PT011 - whichever it is, is the question
        work()
    return caught.value


def ask_for_too_much(item: int) -> torch.Tensor:
    return torch.empty(TOO_MUCH, dtype=torch.uint8)


def ask_numpy_for_too_much(item: int) -> np.ndarray:
    return np.empty(TOO_MUCH, dtype=np.uint8)


def raise_cuda(item: int) -> None:
    raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB.\nSee the documentation")


@pytest.mark.parametrize("ask", [ask_for_too_much, ask_numpy_for_too_much, raise_cuda])
def test_every_allocator_is_understood(ask: Callable[[int], object]) -> None:
    lack = out_of_memory(raised(lambda: ask(0)))
    assert lack is not None
    assert "allocate" in lack.told
    assert "\n" not in lack.told
    assert not lack.in_training


@pytest.mark.parametrize("ask", [ask_for_too_much, ask_numpy_for_too_much, raise_cuda])
def test_a_worker_of_the_loader_is_told_apart(ask: Callable[[int], object]) -> None:
    lack = out_of_memory(raised(lambda: list(prefetch(ask, [1, 2], workers=1))))
    assert lack is not None
    assert lack.place == "loader's worker"


@pytest.mark.parametrize(
    "error", [RuntimeError("shapes differ"), ValueError("can't allocate memory"), KeyError("CUDA error: out of memory")]
)
def test_other_errors_are_none(error: Exception) -> None:
    assert out_of_memory(error) is None


class Cell:
    """A student whose method has no memory for more than `most` scans, in a store of its own."""

    def __init__(self, root: Path, out: Path, most: int, after: int = 0, epochs: int = 1) -> None:
        self.store = Store(out)
        teacher, student = orders_of(
            matrix_of("greedy:Greedy", {"most": most, "after": after}, epochs), root, self.store
        )
        self.order, self.root = student, root
        self.folder: CellFolder = self.store.find(student.cell)
        self.data: RunData = prepare_data(student.copy, self.store.path, 0)
        self.notes = Notes()
        if self.store.find(teacher.cell).result() is None:
            attempt(teacher, self.store.find(teacher.cell), self.store, self.data, Notes(), never)

    def run(self, stop: Callable[[], bool] = never, notes: Notes | None = None, **resources: object) -> CellResult:
        order: CellOrder = self.order
        if resources:
            order = dataclasses.replace(order, resources=Resources(torch.device("cpu"), **resources))
        return attempt(order, self.folder, self.store, self.data, notes or self.notes, stop)

    def events(self, name: str) -> list[dict]:
        return [event for event in self.folder.events() if event["event"] == name]


@pytest.fixture
def root(write_sequences) -> Path:
    return write_sequences({"00": 5, "08": 1}, points=120)


def test_a_cell_comes_down_to_the_micro_batch_that_fits(root: Path, tmp_path: Path) -> None:
    """Its weights are those of a run that was given this micro-batch from the start, bit for bit."""
    cell = Cell(root, tmp_path / "runs", most=1)
    result = cell.run()
    assert (result.status, result.reason) == ("finished", None)
    assert result.training is not None
    assert result.training.micro_batch == 1
    assert result.provenance is not None
    assert result.provenance.memory_retries == 2
    assert [event["micro_batch"] for event in cell.events("memory_retry")] == [2, 1]
    assert all("allocate" in event["reason"] for event in cell.events("memory_retry"))
    assert [event["micro_batch"] for event in cell.events("started")] == [None]
    assert any("Out of memory with 4 scans in one pass" in note for note in cell.notes.notes)
    given = Cell(root, tmp_path / "given", most=1).run(micro_batch=1)
    assert given.repeatable() == result.repeatable()


def test_what_one_sitting_came_down_to_the_next_begins_with(root: Path, tmp_path: Path) -> None:
    cell = Cell(root, tmp_path, most=2)
    with pytest.raises(Stopped):
        cell.run(stop=lambda: True)
    assert remembered_micro_batch(cell.folder) == 2
    assert cell.folder.result() is None, "leaving is no failure"
    result = cell.run()
    assert result.status == "finished"
    assert [event["micro_batch"] for event in cell.events("started")] == [None, 2]
    assert len(cell.events("memory_retry")) == 1


def test_a_training_goes_on_from_its_checkpoint(root: Path, tmp_path: Path) -> None:
    """Two steps in an epoch, the second of a single scan: the third step is the first of the second epoch."""
    cell = Cell(root, tmp_path, most=3, after=2, epochs=2)
    result = cell.run()
    assert result.status == "finished"
    assert [event["step"] for event in cell.events("resumed")] == [2]
    assert cell.notes.steps == 4, "no step was made twice"
    assert result.training is not None
    assert result.training.micro_batch == 2
    assert [(s.micro_batch, s.steps) for s in result.training.sittings] == [(None, 2), (2, 2)]
    (cell.folder.path / "repeat.yaml").write_text("")
    said = repetition(cell.folder, result).conditions
    assert said[1].startswith("It was made with"), "no run gives these weights, with or without --micro-batch"
    assert said[2].startswith("Its sittings had different micro-batches (the whole batch, then 2), which")


def test_a_cell_that_has_no_room_for_one_scan_fails_and_begins_anew_when_run_again(root: Path, tmp_path: Path) -> None:
    cell = Cell(root, tmp_path, most=0)
    result = cell.run()
    assert result.status == "failed"
    assert f"training of {result.spec.cell}: found no memory left with one scan in a pass (tried 4, 2, 1)" in str(
        result.reason
    )
    assert "max_voxels" in str(result.reason)
    assert result.provenance is not None
    assert result.provenance.memory_retries == 2
    assert cell.folder.result() == result
    assert remembered_micro_batch(cell.folder) is None, "who runs it again has made room"
    cell.run()
    assert [event["micro_batch"] for event in cell.events("started")] == [None, None]


def test_an_evaluation_without_room_says_so_and_tries_nothing_smaller(root: Path, tmp_path: Path) -> None:
    class Greedy(Notes):
        def phase(self, name: str, done: int, total: int) -> None:
            ask_for_too_much(done)

    cell = Cell(root, tmp_path, most=9)
    result = cell.run(notes=Greedy())
    assert result.status == "failed"
    assert f"evaluation of {result.spec.cell}: found no memory left, where a smaller" in str(result.reason)
    assert not cell.events("memory_retry")
    assert cell.run().status == "finished"
    assert cell.notes.steps == 0, "it was trained"


def test_a_loaders_worker_without_room_says_so_and_tries_nothing_smaller(root: Path, tmp_path: Path) -> None:
    cell = Cell(root, tmp_path, most=9)
    cell.data = dataclasses.replace(cell.data, dataset=GreedyReader(root))
    result = cell.run(workers=1)
    assert result.status == "failed"
    assert f"loader's worker of {result.spec.cell}: found no memory left" in str(result.reason)
    assert "Use fewer --workers" in str(result.reason)
    assert not cell.events("memory_retry")
    assert cell.run().status == "finished", "without workers"


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="RLIMIT_AS bounds what torch takes on Linux only")
def test_a_process_that_may_have_no_more_memory(write_sequences, tmp_path: Path) -> None:
    """Measured first: the limit lies between what the whole batch takes and what half of it does."""
    root = write_sequences({"00": 5, "08": 1}, points=30_000)

    def run(name: str, micro_batch: int = 0, limit_kib: int = 0) -> dict:
        script = Path(__file__).with_name("memory_limited.py")
        words = [str(root), str(tmp_path / name), str(micro_batch), str(limit_kib)]
        done = subprocess.run([sys.executable, str(script), *words], capture_output=True, text=True, check=True)
        return dict(json.loads(done.stdout.splitlines()[-1]))

    whole, half = run("whole"), run("half", micro_batch=2)
    assert whole["peak_kib"] > 1.1 * half["peak_kib"], "or the limit says nothing"
    limited = run("limited", limit_kib=(whole["peak_kib"] + half["peak_kib"]) // 2)
    assert (limited["status"], limited["micro_batch"], limited["retries"]) == ("finished", 2, 1)
    assert limited["weights"] == half["weights"] != whole["weights"]
