"""Real signals to this process, as SLURM sends them to a job's; submitit's handler is a function of the test's."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.matrix.preemption import stop_on_preemption
from harness.store import CellFolder
from harness.train.sitting import Stopped

LIMIT_S = 20.0


@pytest.fixture
def requeued(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """The signals that the handler of submitit's was called with, in a process that looks like a job."""
    for name, value in {"SUBMITIT_EXECUTOR": "slurm", "SLURM_JOB_ID": "123456789"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("SLURM_RESTART_COUNT", raising=False)
    calls: list[int] = []
    before = {number: signal.getsignal(number) for number in (signal.SIGUSR2, signal.SIGTERM, signal.SIGALRM)}
    signal.signal(signal.SIGUSR2, lambda number, frame: calls.append(number))
    yield calls
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def folder(tmp_path: Path) -> CellFolder:
    return CellFolder(tmp_path)


def send(number: int) -> None:
    os.kill(os.getpid(), number)
    time.sleep(0.2)


def preemptions(folder: CellFolder) -> list[object]:
    return [event["warned"] for event in folder.events() if event["event"] == "preempted"]


def leave_after(folder: CellFolder, *numbers: int, error: BaseException | None = None) -> None:
    """A cell that leaves when it has been told to, as a training does."""
    with stop_on_preemption(folder, LIMIT_S) as stop:
        for number in numbers:
            assert stop() is (number is not numbers[0])
            send(number)
        assert stop() is bool(numbers)
        raise error or Stopped("after step 7 of 9")


def wait_long(folder: CellFolder) -> None:
    """A cell that never asks, as in an evaluation."""
    with stop_on_preemption(folder, 0.5):
        send(signal.SIGUSR2)
        time.sleep(30)


def test_a_warned_job_is_queued_again_when_the_cell_has_left(folder: CellFolder, requeued: list[int]) -> None:
    with pytest.raises(SystemExit):
        leave_after(folder, signal.SIGUSR2)
    assert requeued == [signal.SIGUSR2]
    [event] = folder.events()
    assert (event["event"], event["job"], event["left"]) == ("preempted", "123456789", "after step 7 of 9")


def test_a_cell_that_finishes_all_the_same_is_not_queued_again(folder: CellFolder, requeued: list[int]) -> None:
    handler, mask = signal.getsignal(signal.SIGUSR2), signal.pthread_sigmask(signal.SIG_BLOCK, ())
    with stop_on_preemption(folder, LIMIT_S) as stop:
        send(signal.SIGUSR2)
        assert stop()
    assert requeued == []
    assert folder.events() == []
    assert signal.getsignal(signal.SIGUSR2) is handler
    assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == mask
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
    send(signal.SIGUSR2)
    assert requeued == [signal.SIGUSR2], "afterwards the handler is submitit's again"


def test_where_nobody_asks_the_cell_is_stopped_at_the_limit(folder: CellFolder, requeued: list[int]) -> None:
    begun = time.monotonic()
    with pytest.raises(SystemExit):
        wait_long(folder)
    assert 0.4 < time.monotonic() - begun < 10
    assert requeued == [signal.SIGUSR2]
    assert preemptions(folder) == [True]


def test_a_cell_that_leaves_for_another_reason_is_left_to_its_caller(folder: CellFolder, requeued: list[int]) -> None:
    with pytest.raises(Stopped):
        leave_after(folder)
    with pytest.raises(ValueError, match="a fault"):
        leave_after(folder, signal.SIGUSR2, error=ValueError("a fault"))
    assert requeued == []


def test_a_job_that_slurm_does_not_run_any_more_goes_without_a_word(folder: CellFolder, requeued: list[int]) -> None:
    with pytest.raises(SystemExit):
        leave_after(folder, signal.SIGTERM)
    assert requeued == []
    assert folder.events() == []


@pytest.mark.parametrize("numbers", [(signal.SIGTERM, signal.SIGUSR2), (signal.SIGUSR2, signal.SIGTERM)])
def test_of_both_signals_the_warning_decides(folder: CellFolder, requeued: list[int], numbers: tuple[int, int]) -> None:
    with pytest.raises(SystemExit):
        leave_after(folder, *numbers)
    assert requeued == [signal.SIGUSR2]


def test_processes_that_a_cell_starts_outlive_the_warning(folder: CellFolder, requeued: list[int]) -> None:
    with stop_on_preemption(folder, LIMIT_S) as stop:
        command = [sys.executable, "-c", "import time; print(1, flush=True); time.sleep(60)"]
        other = subprocess.Popen(command, stdout=subprocess.PIPE)
        forked = multiprocessing.get_context("fork").Process(target=time.sleep, args=(60,))
        forked.start()
        assert other.stdout is not None
        assert other.stdout.readline() == b"1\n"
        for child in (other.pid, forked.pid):
            assert child is not None
            os.kill(child, signal.SIGUSR2)
        time.sleep(0.3)
        assert other.poll() is None
        assert forked.is_alive()
        assert not stop(), "it was not for this process"
        for process in (other, forked):
            process.kill()
        other.communicate()
        forked.join()


def test_without_submitit_nothing_is_queued(folder: CellFolder, requeued: list[int]) -> None:
    signal.signal(signal.SIGUSR2, signal.SIG_IGN)
    with pytest.raises(Stopped):
        leave_after(folder, signal.SIGUSR2)
    assert folder.events() == []


def test_restarts_without_a_warning_are_counted_once(
    folder: CellFolder, requeued: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.event("preempted", job="1", warned=True)
    folder.event("submitted", executor="slurm", job="123456789")
    folder.event("preempted", job="123456789", warned=True)
    for restarts, expected in (
        ("1", [True, True]),
        ("3", [True, True, False, False]),
        ("3", [True, True, False, False]),
    ):
        monkeypatch.setenv("SLURM_RESTART_COUNT", restarts)
        with stop_on_preemption(folder, LIMIT_S):
            pass
        assert preemptions(folder) == expected
