from __future__ import annotations

import os

import bad_worker
import pytest
from made_reports import order

from harness.errors import HarnessError
from harness.measure.latency import process
from harness.measure.latency.process import run_processes


class Told:
    """A display that remembers, and is interrupted when it is told what a worker calls its own number."""

    def __init__(self) -> None:
        self.phases: list[tuple[str, int, int]] = []

    def phase(self, name: str, done: int, total: int) -> None:
        self.phases.append((name, done, total))
        if total == 0:
            raise KeyboardInterrupt

    def note(self, sentence: str) -> None:
        raise AssertionError(sentence)


def run(end: int) -> Told:
    told = Told()
    run_processes([order(1.0, 0.5, passes=end), order(1.0, 0.5, number=2, passes=end)], told, "bad_worker")
    return told


def test_a_killed_worker_is_named_with_the_end_of_its_log() -> None:
    with pytest.raises(HarnessError) as error:
        run(bad_worker.KILLED)
    assert error.value.where == "process 1 of 2, which timed 2 networks"
    assert error.value.found == "killed by signal 9 (SIGKILL)"
    assert error.value.remedy.endswith("The end of its log:\na word before")


def test_an_error_of_the_workers_own_is_told_by_its_last_line() -> None:
    with pytest.raises(HarnessError) as error:
        run(bad_worker.RAISES)
    assert error.value.found == "ended with exit code 1: MemoryError: CUDA out of memory"
    assert "Traceback" in error.value.remedy


def test_what_a_user_must_mend_comes_as_the_worker_said_it() -> None:
    with pytest.raises(HarnessError) as error:
        run(bad_worker.FAULT)
    assert str(error.value) == "scan 7: found half a point; expected whole points. Fetch it again."


def test_a_worker_that_gives_up_without_a_reason() -> None:
    with pytest.raises(HarnessError, match="ended with exit code 3: a word before"):
        run(bad_worker.SILENT)


def test_an_interrupt_leaves_no_worker_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "PATIENCE_S", 0.1)  # this worker does not look whether anybody listens
    told = Told()
    with pytest.raises(KeyboardInterrupt):
        run_processes([order(passes=bad_worker.HANGS)], told, "bad_worker")
    (name, done, total), (_, worker, _) = told.phases
    assert (name, done, total) == ("time semantickitti-minkowskinet-w0.5, process 1 of 1", 1, 2)
    with pytest.raises(ProcessLookupError):
        os.kill(worker, 0)
