"""Disks that fill up or turn read-only, at every moment of a cell that writes something; for real."""

from __future__ import annotations

import dataclasses
import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from small_disk import SmallDisk, small_disk
from tiny_matrix import Notes, orders_of, tiny

from harness.matrix.executors.debug import DebugExecutor
from harness.matrix.order import CellOrder
from harness.matrix.run import run_matrix
from harness.spec import CellResult
from harness.store import Store
from harness.train import checkpoint

MATRIX = tiny(("none",), epochs=2)
NO_SPACE = "no space left on the disk"
ENOUGH = 20 << 20
"""Bytes that both cells have room in."""
READ_ONLY = "Read-only file system"


class Watch(Notes):
    """Does something at each step of a training, and at each scan of a later phase."""

    def __init__(self, at_step: Callable[[int], None] = id, at_phase: Callable[[str], None] = id) -> None:
        super().__init__()
        self.at_step, self.at_phase = at_step, at_phase

    def step(self, step: object) -> None:
        super().step(step)
        self.at_step(self.steps)

    def phase(self, name: str, done: int, total: int) -> None:
        super().phase(name, done, total)
        self.at_phase(name)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    with small_disk(tmp_path / "disk", kib=32 << 10) as mounted:
        yield mounted


@pytest.fixture
def orders(root: Path, disk: SmallDisk) -> list[CellOrder]:
    """A teacher and its plain student, in a store on the disk."""
    return orders_at(disk.path, root)


def orders_at(out: Path, root: Path) -> list[CellOrder]:
    """The orders of a run at a path that is not to be resolved."""
    return [dataclasses.replace(order, out=out) for order in orders_of(MATRIX, root, Store(out))]


def run(orders: list[CellOrder], notes: Notes | None = None) -> list[CellResult]:
    return run_matrix(orders, Store(orders[0].out), DebugExecutor(), notes or Notes())


@pytest.fixture
def undisturbed(root: Path, tmp_path: Path) -> list[dict]:
    orders = orders_of(MATRIX, root, Store(tmp_path / "undisturbed"))
    return [result.repeatable() for result in run(orders)]


def require_sound(out: Path) -> None:
    """Nothing half-written stands under any name, but the last line of a log that the next sitting tidies up."""
    assert not list(out.rglob("*.tmp"))
    assert not list(out.rglob(".*.tmp"))
    for path in out.rglob("*.pt"):
        checkpoint.load(path)
    for folder in Store(out).cells():
        folder.spec()
        folder.result()
        for event in folder.events():
            assert event["event"]


def test_a_disk_that_is_full_from_the_start(disk, orders, undisturbed) -> None:
    disk.fill()
    results = run(orders)
    assert [result.status for result in results] == ["failed"] * 2
    for result in results:
        assert f"{result.spec.cell}/" in str(result.reason), "the file"
        assert NO_SPACE in str(result.reason)
        assert "Free some space and run again." in str(result.reason)
    require_sound(disk.path)
    disk.free()
    assert [result.repeatable() for result in run(orders)] == undisturbed


def test_a_disk_that_fills_up_in_a_checkpoint(disk, orders, undisturbed) -> None:
    """Half of it fits; the one before is left as it was, the other cell goes on, and the rerun from there."""
    teacher = Store(disk.path).find(orders[0].cell)
    first: dict[str, bytes] = {}

    def fill_or_free(step: int) -> None:
        if step == 3:
            first.update({path.name: path.read_bytes() for path in teacher.checkpoints.iterdir()})
            disk.fill(spare=len(first["000000002.pt"]) // 2)
        if step == 4 + 1:
            raise AssertionError("the teacher's fourth step was not saved, and the student began on a full disk")

    class Freeing(Watch):
        def cell(self, name: str, number: int, cells: int) -> None:
            super().cell(name, number, cells)
            if number == 2:
                disk.free()
                self.at_step = id

    results = run(orders, Freeing(fill_or_free))
    assert [result.status for result in results] == ["failed", "finished"]
    assert "000000004.pt" in str(results[0].reason)
    assert NO_SPACE in str(results[0].reason)
    assert results[0].provenance is not None
    assert teacher.result() == results[0], "there was room for the failure"
    assert {path.name: path.read_bytes() for path in teacher.checkpoints.glob("000000002*")} == first
    require_sound(disk.path)
    notes = Notes()
    assert [result.repeatable() for result in run(orders, notes)] == undisturbed
    assert notes.steps == 2, "the second epoch of the teacher"


def test_a_disk_that_is_full_when_the_result_is_written(disk, orders, undisturbed) -> None:
    notes = Watch(at_phase=lambda phase: disk.fill() if phase == "measure latency" else None)
    results = run(orders, notes)
    assert [result.status for result in results] == ["failed"] * 2
    assert "result.json" in str(results[0].reason)
    assert NO_SPACE in str(results[0].reason)
    assert any("the failure could not be recorded" in note for note in notes.notes)
    assert Store(disk.path).find(orders[0].cell).status() in ("failed", "pending"), "a smaller record may have fitted"
    require_sound(disk.path)
    disk.free()
    notes = Notes()
    assert [result.repeatable() for result in run(orders, notes)] == undisturbed
    assert notes.steps == 4, "those of the student: the teacher only needed its evaluation"


@pytest.mark.slow
def test_a_disk_with_any_room(disk, root, undisturbed) -> None:
    """From no room at all to enough, so that every file is the one that does not fit."""
    outcomes = set()
    for spare in range(0, ENOUGH, 1300 << 10):
        orders = orders_at(disk.path / str(spare), root)
        disk.fill(spare)
        results = run(orders)
        outcomes.add(tuple(result.status for result in results))
        assert all(result.status == "finished" or NO_SPACE in str(result.reason) for result in results)
        require_sound(orders[0].out)
        disk.free()
        assert [result.repeatable() for result in run(orders)] == undisturbed
        shutil.rmtree(orders[0].out)
    assert outcomes >= {("failed", "failed"), ("finished", "finished")}


def test_a_store_that_turns_read_only(disk, orders, undisturbed) -> None:
    results = run(orders, Watch(lambda step: disk.remount("ro") if step == 3 else None))
    assert [result.status for result in results] == ["failed"] * 2
    assert READ_ONLY in str(results[0].reason)
    assert "metrics.jsonl" in str(results[0].reason)
    assert READ_ONLY in str(results[1].reason)
    disk.remount("rw")
    require_sound(disk.path)
    assert [result.repeatable() for result in run(orders)] == undisturbed


def harness(disk: SmallDisk, *words: str) -> subprocess.CompletedProcess[str]:
    command = disk.enter(sys.executable, "-m", "harness", *words, "--out", str(disk.mounted))
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_a_read_only_store_is_read_and_not_run(disk, orders, root, tmp_path) -> None:
    """One cell is finished, the other was never begun."""
    [teacher, student] = orders
    [finished] = run([teacher])
    content = MATRIX.model_dump(mode="json")
    (tmp_path / "tiny.json").write_text(json.dumps(content))
    disk.remount("ro")
    listed = harness(disk, "ls", "cells", "--json")
    assert listed.returncode == 0, listed.stderr
    status = {row["cell"]: row["status"] for row in json.loads(listed.stdout)}
    assert status == {finished.spec.cell: "finished", Store(disk.path).find(student.cell).cell: "pending"}
    shown = harness(disk, "show", teacher.cell)
    assert shown.returncode == 0, shown.stderr
    assert "mIoU" in shown.stdout
    table = harness(disk, "tables", "--json")
    assert table.returncode == 0, table.stderr
    assert len(json.loads(table.stdout)) == 2
    ran = harness(disk, "run", "--matrix", str(tmp_path / "tiny.json"), "--semantickitti", str(root))
    assert ran.returncode in (1, 2)
    assert READ_ONLY in ran.stdout + ran.stderr
    assert "Traceback" not in ran.stdout + ran.stderr
    assert len(ran.stderr.strip().splitlines()) == 1, ran.stderr
