"""Cells in processes of their own: the same results, and no process that dies, or is left, takes others with it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import tiny_matrix
from tiny_matrix import Notes, events, planned, run, tiny

from harness.matrix.executors.local import LocalExecutor
from harness.spec import CellSpec
from harness.store import Store

EPOCHS = 6
PATIENCE_S = 90.0


def children(pid: int) -> list[int]:
    """The processes that a process has started."""
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except FileNotFoundError:
        return []


def descendants(pid: int) -> Iterator[int]:
    for child in children(pid):
        yield child
        yield from descendants(child)


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_until_it_trains(out: Path, spec: CellSpec) -> None:
    """Return when the cell has made a checkpoint."""
    end = time.monotonic() + PATIENCE_S
    while not list((out / "store" / spec.cell / "checkpoint").glob("*.pt")):
        assert time.monotonic() < end, f"no checkpoint of {spec.cell}"
        time.sleep(0.01)


def worker_of(out: Path, spec: CellSpec) -> int:
    """The process that runs a cell: the one which that of submitit has started."""
    folder = Store(out).find(spec.hash)
    [submitted] = [event for event in folder.events() if event["event"] == "submitted"]
    [worker] = children(int(submitted["job"]))
    return worker


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks at processes through /proc")
def test_a_killed_process_fails_its_cell_alone_and_a_rerun_gives_what_one_process_would_have(
    root: Path, tmp_path: Path
) -> None:
    matrix, out = tiny(("none", "pvd"), EPOCHS), tmp_path / "runs"
    expected, _ = run(root, tmp_path / "expected", matrix)
    teacher, student, pvd = planned(matrix, root, Store(out))

    def kill() -> None:
        wait_until_it_trains(out, student)
        os.kill(worker_of(out, student), signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    results, notes = run(root, out, matrix, LocalExecutor(out / "jobs", jobs=2))
    killer.join()
    assert [r.status for r in results] == ["finished", "failed", "finished"]
    assert sorted(notes.cells) == sorted([teacher.name, student.name, pvd.name])
    [log] = [word for word in str(results[1].reason).split() if word.endswith("log.out")]
    assert f"its process was killed from outside, by hand or by a system short of memory; its log: {log}" == (
        results[1].reason
    )
    assert Path(log).parent.parent == out / "jobs"
    assert events(out, results[1])[-1] == "killed"
    assert not list((out / "jobs").rglob("*.pkl")), "only logs are kept"
    again, notes = run(root, out, matrix)
    assert notes.cells == [student.name], "the others were finished"
    assert 0 < notes.steps < 2 * EPOCHS, "it went on from its checkpoint"
    assert [r.repeatable() for r in again] == [r.repeatable() for r in expected]


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks at processes through /proc")
@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGINT])
def test_no_process_outlives_the_run(root: Path, tmp_path: Path, end: signal.Signals) -> None:
    out = tmp_path / "runs"
    teacher = planned(tiny(("none", "pvd"), 1000), root, Store(out))[0]
    program = [sys.executable, tiny_matrix.__file__, "local", str(root), str(out), "1000"]
    with subprocess.Popen(program, stderr=subprocess.PIPE) as parent:
        wait_until_it_trains(out, teacher)
        started = list(descendants(parent.pid))
        assert worker_of(out, teacher) in started
        parent.send_signal(end)
        parent.wait(timeout=30)
        if end == signal.SIGINT:
            assert not any(map(alive, started)), "the run waits for them"
        deadline = time.monotonic() + 15
        while any(map(alive, started)):
            assert time.monotonic() < deadline
            time.sleep(0.05)
    with Store(out).find(teacher.hash).lock(patience_s=0):
        pass


def test_a_process_that_can_not_be_started_fails_its_cell_alone(root: Path, tmp_path: Path) -> None:
    class Barring(Notes):
        """Takes the folder of the jobs away when the first cell begins."""

        def cell(self, name: str, number: int, cells: int) -> None:
            super().cell(name, number, cells)
            if number == 1:
                [folder] = (tmp_path / "jobs").iterdir()
                folder.rename(tmp_path / "moved")
                folder.write_text("in the way")

    results, notes = run(root, tmp_path, tiny(("none",)), LocalExecutor(tmp_path / "jobs"), Barring())
    assert len(notes.cells) == 2
    assert [r.status for r in results] == ["failed", "failed"]
    assert all("could not be started" in str(result.reason) for result in results)
