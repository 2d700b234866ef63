"""Faults of one cell: each ends in a reason for it alone, the others finish, and a rerun does what is missing."""

from __future__ import annotations

import dataclasses
import multiprocessing
import os
import pickle
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from tiny_matrix import Notes, orders_of, run, tiny

from harness.config.matrix_file import parse_matrix
from harness.matrix.attempt import attempt
from harness.matrix.awaited import AwaitedCell
from harness.matrix.data import prepare_data
from harness.matrix.executors.debug import DebugExecutor
from harness.matrix.failure import UnrecordedFailure, describe
from harness.matrix.order import CellOrder, Resources
from harness.matrix.run import run_matrix
from harness.spec import CellResult
from harness.store import CellFolder, Store
from harness.train.sitting import Stopped, never
from harness.train.stopwatch import spent_so_far

NONE = tiny(("none",), epochs=2)


class AtStep(Notes):
    """Does something at one step of the first training."""

    def __init__(self, step: int, act: Callable[[], object]) -> None:
        super().__init__()
        self.at, self.act = step, act

    def step(self, step: object) -> None:
        super().step(step)
        if self.steps == self.at:
            self.act()


class Made:
    """A teacher and its plain student in a store, none of them run."""

    def __init__(self, root: Path, out: Path) -> None:
        self.store = Store(out)
        self.orders: list[CellOrder] = orders_of(NONE, root, self.store)
        self.teacher: CellFolder = self.store.find(self.orders[0].cell)

    def run(self, notes: Notes | None = None, **resources: object) -> list[CellResult]:
        changed = Resources(torch.device("cpu"), **resources)
        orders = [dataclasses.replace(order, resources=changed) for order in self.orders]
        return run_matrix(orders, self.store, DebugExecutor(), notes or Notes())

    def finish(self) -> None:
        assert [result.status for result in self.run()] == ["finished"] * 2


@pytest.fixture
def made(root: Path, tmp_path: Path) -> Made:
    return Made(root, tmp_path / "runs")


def test_a_loss_that_is_not_a_number(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).parents[1] / "train"))
    wrong = {"name": "failing_methods:NanOnOneScan", "settings": {"scan": "00/000001"}}
    content = NONE.model_dump(mode="json") | {"methods": [wrong, "none"]}
    results, _ = run(root, tmp_path / "runs", parse_matrix(content, "test"))
    status = {result.spec.method.name: result.status for result in results if result.spec.role == "student"}
    assert status == {"failing_methods:NanOnOneScan": "failed", "none": "finished"}
    [failed] = [result for result in results if result.status == "failed"]
    assert "term 'odd' = nan" in str(failed.reason)
    assert failed.provenance is not None
    assert failed.provenance.phase_seconds.keys() == {"failed attempt"}


def test_a_worker_of_the_loader_that_is_killed(made: Made) -> None:
    """The rerun goes on from the checkpoint of the first epoch."""

    def kill_one() -> None:
        children = multiprocessing.active_children()
        os.kill(children[0].pid, signal.SIGKILL)

    [failed, finished] = made.run(AtStep(3, kill_one), workers=1)
    assert (failed.status, finished.status) == ("failed", "finished")
    assert "a worker that was killed" in str(failed.reason)
    assert not multiprocessing.active_children()
    notes = Notes()
    made.run(notes)
    assert notes.steps == 2
    made.finish()


def test_a_folder_that_is_removed_under_a_running_cell(made: Made) -> None:
    [failed, finished] = made.run(AtStep(3, lambda: shutil.rmtree(made.teacher.path)))
    assert (failed.status, finished.status) == ("failed", "finished")
    assert "its spec.json removed while the cell ran" in str(failed.reason)
    assert made.teacher.result() == failed, "whoever looks for it finds the reason"
    made.finish()


def test_a_folder_that_is_removed_before_the_result_is_written(made: Made) -> None:
    """A result without weights would be in the way of all that comes after."""

    class Removing(Notes):
        def phase(self, name: str, done: int, total: int) -> None:
            if name == "measure latency" and done == total and len(self.cells) == 1:
                shutil.rmtree(made.teacher.path)

    [failed, finished] = made.run(Removing())
    assert (failed.status, finished.status) == ("failed", "finished")
    assert "removed while the cell ran" in str(failed.reason)
    made.finish()


def block_result(made: Made) -> None:
    (made.teacher.path / "result.json").mkdir()


def block_checkpoints(made: Made) -> None:
    made.teacher.checkpoints.write_text("")


def block_metrics(made: Made) -> None:
    made.teacher.metrics.mkdir()


def block_events(made: Made) -> None:
    (made.teacher.path / "events.jsonl").mkdir()


def block_weights(made: Made) -> None:
    (made.teacher.path / "weights.safetensors").mkdir()


@pytest.mark.parametrize(
    "block, file",
    [
        (block_result, "result.json"),
        (block_checkpoints, "checkpoint"),
        (block_metrics, "metrics.jsonl"),
        (block_events, "events.jsonl"),
        (block_weights, "weights.safetensors"),
    ],
)
def test_something_else_in_the_place_of_a_file(made: Made, block: Callable[[Made], None], file: str) -> None:
    block(made)
    [failed, finished] = made.run()
    assert (failed.status, finished.status) == ("failed", "finished")
    assert str(made.teacher.path / file) in str(failed.reason)
    path = made.teacher.path / file
    path.rmdir() if path.is_dir() else path.unlink()
    made.finish()


def test_a_lock_that_belongs_to_somebody_else(made: Made) -> None:
    """A folder stands for it here: to the root user that tests may run as, every file is their own."""
    (made.teacher.path / ".lock").mkdir()
    [failed, finished] = made.run()
    assert (failed.status, finished.status) == ("failed", "finished")
    assert str(made.teacher.path) in str(failed.reason)
    (made.teacher.path / ".lock").rmdir()
    made.finish()


def test_a_spec_that_is_damaged_in_the_store(made: Made) -> None:
    spec = made.teacher.path / "spec.json"
    whole = spec.read_bytes()

    class Damaging(Notes):
        def cell(self, name: str, number: int, cells: int) -> None:
            if number == 1:
                spec.write_bytes(whole[: len(whole) // 2])

    [failed, finished] = made.run(Damaging())
    assert (failed.status, finished.status) == ("failed", "finished")
    assert str(spec) in str(failed.reason)
    spec.write_bytes(whole)
    made.finish()


@pytest.mark.parametrize("error", [Stopped, KeyboardInterrupt])
def test_leaving_is_no_failure(made: Made, error: type[BaseException]) -> None:
    def leave() -> None:
        raise error

    order = made.orders[0]
    data = prepare_data(order.copy, made.store.path, 0)
    with pytest.raises(error):
        attempt(order, made.teacher, made.store, data, AtStep(1, leave), never)
    assert made.teacher.result() is None
    assert [event["event"] for event in made.teacher.events()][-1] == "started"


def test_an_exit_in_a_users_code_is_a_failure(made: Made) -> None:
    def leave() -> None:
        raise SystemExit("enough")

    [failed, finished] = made.run(AtStep(1, leave))
    assert (failed.status, failed.reason, finished.status) == ("failed", "SystemExit: enough", "finished")
    assert "raise SystemExit" in made.teacher.events()[-1]["traceback"]


def test_a_failure_tells_what_the_attempts_before_it_have_cost(made: Made) -> None:
    """Each dies in the epoch after its checkpoint; the third has no time to tell of itself."""

    def leave() -> None:
        raise SystemExit("enough")

    [failed, _] = made.run(AtStep(3, leave))
    first = failed.provenance
    assert first is not None
    assert first.phase_seconds.keys() == {"failed attempt"}
    spent = spent_so_far(made.teacher.checkpoints, made.orders[0].cell)
    assert first.phase_seconds["failed attempt"] > spent.seconds > 0
    assert first.peak_memory_mib == spent.peak_memory_mib is not None
    second = made.run(AtStep(1, leave))[0].provenance
    assert second is not None
    assert second.phase_seconds == {"train": spent.seconds, "failed attempt": second.phase_seconds["failed attempt"]}
    assert second.device_hours == second.wall_hours == sum(second.phase_seconds.values()) / 3600
    awaited = AwaitedCell(made.orders[0], made.store, None, Notes(), None, set())
    awaited.ended("killed by signal 9")
    third = awaited.result().provenance
    assert third is not None
    assert (third.phase_seconds, third.peak_memory_mib) == ({"train": spent.seconds}, spent.peak_memory_mib)


def test_a_failure_before_the_attempt_says_where_it_comes_from(made: Made) -> None:
    shutil.rmtree(made.orders[0].copy.root)
    for failed in made.run():
        assert failed.status == "failed"
        assert failed.provenance is not None
        assert failed.provenance.phase_seconds.keys() == {"failed attempt"}


@pytest.mark.parametrize("error", [ConnectionResetError(104, "reset by peer"), EOFError()])
def test_the_end_of_a_worker_is_told_whatever_it_looks_like(error: Exception) -> None:
    assert "killed" not in describe(error), "another connection"
    collate = torch.utils.data.DataLoader([1], collate_fn=lambda batch: (_ for _ in ()).throw(error))
    with pytest.raises(type(error)) as caught:
        list(collate)
    assert "a worker that was killed" in describe(caught.value)
    assert "a worker that was killed" in describe(
        RuntimeError("DataLoader worker (pid 7) is killed by signal: Killed.")
    )


def test_a_failure_that_nobody_could_record_comes_out_of_its_process() -> None:
    error = pickle.loads(pickle.dumps(UnrecordedFailure("x.json: no space left")))
    assert describe(error) == "x.json: no space left"
