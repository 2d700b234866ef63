"""A cell in two processes under torchrun: its result, its faults, and that nothing is left of it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from tiny_matrix import Notes, orders_of, tiny

from harness.errors import HarnessError
from harness.matrix import rank_watch, ranks
from harness.matrix.cell import run_cell
from harness.matrix.data import prepare_data
from harness.matrix.order import CellOrder
from harness.matrix.ranks import run_in_processes
from harness.store import CellFolder, Store
from harness.train.sitting import Sitting, Stopped, never

PATIENCE_S = 8


@pytest.fixture
def root(write_sequences) -> Path:
    return write_sequences({"00": 5, "08": 3}, points=200)


@pytest.fixture(autouse=True)
def short(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The processes are told from those of other tests by the folder of their socket."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)


def two(root: Path, out: Path, **recipe: object) -> tuple[CellOrder, CellFolder]:
    """The order of a plain student, to be trained by two processes."""
    matrix = tiny(("none",), epochs=2)
    matrix = matrix.model_copy(update={"recipe": {**matrix.recipe, **recipe}})
    order = orders_of(matrix, root, Store(out))[-1]
    return replace(order, resources=replace(order.resources, processes=2)), Store(out).find(order.cell)


def processes(of: Path, module: str = "rank") -> list[int]:
    """Ids of the processes that run a module of the matrix for the socket in this folder, of whichever parent."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().split(b"\0")
        except OSError:
            continue
        if f"harness.matrix.{module}".encode() in words and any(word.startswith(bytes(of)) for word in words):
            found.append(int(path.parent.name))
    return sorted(found)


def left(of: Path) -> list[int]:
    """All that should be gone."""
    return processes(of, "launch") + processes(of)


class AtStep(Notes):
    """Does something once, after a step."""

    def __init__(self, number: int, action: Callable[[], None]) -> None:
        super().__init__()
        self.number, self.action = number, action

    def step(self, step: object) -> None:
        super().step(step)
        if self.steps == self.number:
            self.action()
            self.acted = time.monotonic()


def test_a_cell_that_was_told_to_leave_goes_on_to_the_result_of_one_process(root: Path, tmp_path: Path) -> None:
    """As a scheduler tells it: by signals to every process of the job."""
    order, folder = two(root, tmp_path / "two", epochs=6)
    asked: list[bool] = []

    def take_back() -> None:
        found = left(tmp_path)
        assert len(found) == 3
        for number in (signal.SIGTERM, signal.SIGUSR2, signal.SIGUSR1):
            for process in found:
                os.kill(process, number)
        asked.append(True)

    with pytest.raises(Stopped, match=r"^by order$"):
        run_in_processes(order, None, AtStep(2, take_back), lambda: bool(asked))
    assert not left(tmp_path)
    saved = max(int(path.stem) for path in folder.checkpoints.glob("*.pt"))
    assert saved == len((folder.path / "metrics.jsonl").read_text().splitlines())
    assert 2 <= saved < 18
    notes = Notes()
    together = run_in_processes(order, None, notes, never)
    assert not left(tmp_path)
    assert notes.steps == 18 - saved
    assert notes.notes == [f"Resumed at step {saved}."]
    alone_order, alone_folder = two(root, tmp_path / "one", epochs=6)
    store = Store(tmp_path / "one")
    data = prepare_data(order.copy, store.path, 0)
    resources = replace(alone_order.resources, processes=1)
    alone = run_cell(alone_folder.spec(), alone_folder, store, data, resources, Notes(), Sitting(micro_batch=1))
    logs = [path.path / "metrics.jsonl" for path in (folder, alone_folder)]
    for mine, theirs in zip(*(log.read_text().splitlines() for log in logs), strict=True):
        assert json.loads(mine)["terms"] == pytest.approx(json.loads(theirs)["terms"], rel=1e-3)
    assert together.training is not None
    assert alone.training is not None
    assert (together.training.processes, together.training.micro_batch) == (2, 1)
    assert (alone.training.processes, alone.training.micro_batch) == (1, 1)
    assert together.score is not None
    assert sum(map(sum, together.score.confusion)) == 200 + 203 + 206
    assert together.macs == alone.macs
    assert together.provenance is not None
    assert set(together.provenance.phase_seconds) == {"train", "evaluate", "count MACs", "measure latency"}
    assert together.provenance.device_hours == pytest.approx(2 * together.provenance.wall_hours)


@pytest.mark.slow
def test_a_fault_in_a_process_is_told_as_it_was_there(root: Path, tmp_path: Path) -> None:
    order, _ = two(root, tmp_path / "runs", learning_rate=1e25)
    with pytest.raises(HarnessError, match=r"epoch 1, step \d.*The student diverges"):
        run_in_processes(order, None, Notes(), never)
    assert not left(tmp_path)


def test_a_process_that_is_killed_is_told_and_takes_the_other_along(root: Path, tmp_path: Path) -> None:
    order, _ = two(root, tmp_path / "runs", epochs=500)
    kill = AtStep(2, lambda: os.kill(processes(tmp_path)[0], signal.SIGKILL))
    with pytest.raises(HarnessError, match=r"^process [12] of 2: found killed by signal 9 \(SIGKILL\)"):
        run_in_processes(order, None, kill, never)
    assert time.monotonic() - kill.acted < PATIENCE_S
    assert not left(tmp_path)


def test_nothing_outlives_a_launcher_that_is_killed_not_even_what_hangs(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rank_watch, "PATIENCE_S", 1.0)
    order, _ = two(root, tmp_path / "runs", epochs=500)

    def strike() -> None:
        os.kill(processes(tmp_path)[1], signal.SIGSTOP)
        os.kill(processes(tmp_path, "launch")[0], signal.SIGKILL)

    kill = AtStep(2, strike)
    with pytest.raises(HarnessError, match=r"^torchrun: found killed by signal 9 \(SIGKILL\)"):
        run_in_processes(order, None, kill, never)
    assert time.monotonic() - kill.acted < PATIENCE_S
    assert not left(tmp_path)


def test_a_folder_for_temporary_files_that_is_too_deep_for_a_socket_is_left_alone(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    order, _ = two(root, tmp_path / "runs")
    deep = tmp_path / ("deep" * 30)
    deep.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(deep))
    monkeypatch.setattr(sys, "executable", shutil.which("false"))
    with pytest.raises(RuntimeError, match="the processes ended: without a word"):
        run_in_processes(order, None, Notes(), never)
    monkeypatch.setattr(ranks, "SHORT_FOLDER", tmp_path / "none")
    with pytest.raises(HarnessError, match=r"^TMPDIR: found a path of \d+ bytes, and 'No such file .*Set TMPDIR"):
        run_in_processes(order, None, Notes(), never)


ORPHANS = """
import os, signal, sys
from pathlib import Path
from test_ranks import AtStep, two, run_in_processes, never
order, _ = two(Path(sys.argv[1]), Path(sys.argv[2]), epochs=50)
run_in_processes(order, None, AtStep(2, lambda: os.kill(os.getpid(), signal.SIGKILL)), never)
"""


@pytest.mark.slow
def test_processes_do_not_outlive_the_one_that_started_them(root: Path, tmp_path: Path) -> None:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = [sys.executable, "-c", ORPHANS, str(root), str(tmp_path / "runs")]
    run = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert run.returncode == -signal.SIGKILL, run.stderr
    until = time.monotonic() + PATIENCE_S
    while left(tmp_path) and time.monotonic() < until:
        time.sleep(0.1)
    assert not left(tmp_path)
