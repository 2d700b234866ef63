"""A finished cell that is to be measured otherwise, and fails at it: what it had stays, and a rerun measures."""

from __future__ import annotations

from pathlib import Path

import pytest
from fake_plan import fake_result
from tiny_matrix import Notes, orders_of, run, tiny

from harness.cli.overview import Overview
from harness.config.models import MatrixConfig
from harness.matrix.awaited import AwaitedCell
from harness.matrix.failure import kept_failures, record_failure
from harness.matrix.order import CellOrder
from harness.report.grouping import build_rows
from harness.spec import CellResult
from harness.store import Store

ONCE = tiny(("none",))


def more(passes: int) -> MatrixConfig:
    return ONCE.model_copy(update={"measure": ONCE.measure.model_copy(update={"latency_passes": passes})})


class Failing(Notes):
    """Breaks the measuring of the first cell."""

    def phase(self, name: str, done: int, total: int) -> None:
        if len(self.cells) == 1 and name == "measure latency":
            raise RuntimeError("the device was lost")


def test_what_was_measured_stays_and_a_rerun_measures_again(root: Path, tmp_path: Path) -> None:
    store = Store(out := tmp_path / "runs")
    before, _ = run(root, out, ONCE)
    [failed, measured], notes = run(root, out, more(2), notes=Failing())
    assert (failed.status, failed.reason) == ("failed", "RuntimeError: the device was lost")
    assert (measured.status, notes.steps) == ("finished", 0)
    assert store.result(before[0].spec) == before[0]
    [row] = build_rows([before[0]], [failed.spec])
    assert row.results[0] == before[0], "the tables go on to show it"
    [seen] = Overview(store, [failed.spec.cell]).rows()
    assert (seen.status, seen.reason, seen.miou) == ("failed", failed.reason, before[0].score and before[0].score.miou)
    again, notes = run(root, out, more(2))
    assert [result.status for result in again] == ["finished"] * 2
    assert [result.latency.passes for result in again if result.latency] == [2] * 2
    assert notes.notes[0] == "1 of 2 cells were finished before: skipped."
    [seen] = Overview(store, [failed.spec.cell]).rows()
    assert (seen.status, seen.reason) == ("finished", None)


@pytest.fixture
def orders(root: Path, tmp_path: Path) -> list[CellOrder]:
    """Of a teacher that was finished, and is to be measured otherwise, and of its student."""
    store = Store(tmp_path)
    orders = orders_of(ONCE, root, store)
    folder = store.find(orders[0].cell)
    folder.write_result(fake_result(folder.spec()))
    return orders_of(more(2), root, store)


def test_a_process_that_dies_at_it_is_told_of_in_the_same_way(orders: list[CellOrder], tmp_path: Path) -> None:
    store = Store(tmp_path)
    folder = store.find(orders[0].cell)
    teacher, before = AwaitedCell(orders[0], store, None, Notes(), None, set()), folder.result()
    assert not teacher.answered()
    teacher.ended("killed by signal 9")
    assert teacher.answered()
    assert not teacher.settled()
    assert (teacher.result().status, teacher.result().reason) == ("failed", "killed by signal 9")
    assert folder.result() == before
    assert kept_failures(folder) == ["killed by signal 9"]
    teacher.ask_again()
    assert not teacher.answered(), "that was the answer to the question before"


def test_a_result_of_another_cell_in_its_place_is_worth_nothing(orders: list[CellOrder], tmp_path: Path) -> None:
    teacher, student = (Store(tmp_path).find(order.cell) for order in orders)
    teacher.write_result(fake_result(student.spec()))
    failed = CellResult(spec=teacher.spec(), status="failed", reason="disk")
    assert record_failure(teacher, failed, "failed", Notes())
    assert teacher.result() == failed
    assert kept_failures(teacher) == []
