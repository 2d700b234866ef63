"""Cells as jobs of a real SLURM, which takes its machine back in every way it has.

`ci/slurm.sh start` starts one. The weights are those of a run in this process in the end, bit for bit.
"""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from tiny_matrix import Notes, orders_of, run, tiny

from harness.errors import HarnessError
from harness.matrix.executors.debug import DebugExecutor
from harness.matrix.executors.slurm import SlurmExecutor
from harness.matrix.executors.slurm_settings import SlurmSettings
from harness.matrix.order import CellOrder
from harness.matrix.run import run_matrix
from harness.spec import CellResult
from harness.store import CellFolder, Store

EPOCHS, STEPS = 2, 50
"""Of the training that is disturbed: long enough to be met in the middle of an epoch."""

PATIENCE_S = 150


def slurm_answers() -> bool:
    try:
        return subprocess.run(["sinfo", "--noheader"], capture_output=True, timeout=10, check=False).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


pytestmark = [
    pytest.mark.slurm,
    pytest.mark.skipif(not slurm_answers(), reason="sinfo does not answer: ci/slurm.sh start"),
]


def ask(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def executor(out: Path, **settings: object) -> SlurmExecutor:
    return SlurmExecutor(out / "jobs", SlurmSettings(**{"time": 60, **settings}), look_s=0.3, late_s=2.0)


@pytest.fixture(autouse=True)
def no_job_stays(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv(
        "PYTHONPATH", os.pathsep.join([str(Path(__file__).parents[3]), os.environ.get("PYTHONPATH", "")])
    )
    yield
    ask("scancel", "--name=harness")
    wait_until(lambda: not ask("squeue", "--noheader", "--name=harness"))


def wait_until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < end, "it did not come to pass"
        time.sleep(0.1)


@pytest.fixture
def long_root(write_sequences) -> Path:
    return write_sequences({"00": 2 * STEPS, "08": 2}, points=100)


@pytest.fixture(scope="module")
def known() -> list[CellResult]:
    return []


@pytest.fixture
def undisturbed(long_root: Path, tmp_path: Path, known: list[CellResult]) -> CellResult:
    """The teacher of a matrix, trained here without a break, once for all tests: their data are the same bytes."""
    if not known:
        known.append(teacher_by(DebugExecutor(), long_root, tmp_path / "here", Notes()))
    return known[0]


def teacher_by(
    by: DebugExecutor | SlurmExecutor, root: Path, out: Path, notes: Notes, processes: int = 1
) -> CellResult:
    store = Store(out)
    [result] = run_matrix([teacher_order(root, out, processes)], store, by, notes)
    return result


def teacher_order(root: Path, out: Path, processes: int = 1) -> CellOrder:
    order = orders_of(tiny(("none",), EPOCHS), root, Store(out))[0]
    return replace(order, resources=replace(order.resources, processes=processes))


class Disturbance(threading.Thread):
    """Waits for the middle of the training's second epoch, does something to its job, and lets SLURM go on at once."""

    def __init__(self, folder: CellFolder, act: Callable[[str], None]) -> None:
        super().__init__(daemon=True)
        self.folder, self.act = folder, act
        self.at_step = 0

    def run(self) -> None:
        wait_until(lambda: self.step() >= STEPS + STEPS // 5)
        [job] = [e["job"] for e in self.folder.events() if e["event"] == "submitted"]
        self.at_step = self.step()
        self.act(job)
        wait_until(lambda: "BeginTime" in ask("squeue", "--noheader", "--format=%r") or not self.queued(job))
        if self.queued(job):  # SLURM lets a job that was requeued wait for two minutes
            ask("scontrol", "update", f"JobId={job}", "StartTime=now")

    def step(self) -> int:
        try:
            return (self.folder.path / "metrics.jsonl").read_bytes().count(b"\n")
        except OSError:
            return 0

    def queued(self, job: str) -> bool:
        return job in ask("squeue", "--noheader", "--format=%i").split()


def disturbed(
    root: Path, out: Path, act: Callable[[str], None], processes: int = 1
) -> tuple[CellResult, CellFolder, Disturbance]:
    order = teacher_order(root, out)
    folder = Store(out).find(order.cell)
    disturbance = Disturbance(folder, act)
    disturbance.start()
    result = teacher_by(executor(out), root, out, Notes(), processes)
    disturbance.join(PATIENCE_S)
    return result, folder, disturbance


def facts(folder: CellFolder, name: str) -> list[dict[str, object]]:
    return [event for event in folder.events() if event["event"] == name]


def test_the_same_as_in_this_process_and_jobs_left_in_the_queue_are_taken_up(root: Path, tmp_path: Path) -> None:
    class Leaving(Notes):
        def note(self, sentence: str) -> None:
            super().note(sentence)
            if len([n for n in self.notes if n.startswith("Cells submitted")]) == 2:
                raise KeyboardInterrupt

    matrix, notes = tiny(("none", "logit_kd")), Leaving()
    out = tmp_path / "there"
    with pytest.raises(KeyboardInterrupt):
        run(root, out, matrix, executor(out), notes)
    assert "scancel" in notes.notes[-1]
    assert "harness ls cells --watch" in notes.notes[-1]
    there, notes = run(root, out, matrix, executor(out))
    here, _ = run(root, tmp_path / "here", matrix)
    assert [r.status for r in there] == ["finished"] * 3
    assert [r.repeatable() for r in there] == [r.repeatable() for r in here]
    for result in there:
        folder = Store(out).find(result.spec.hash)
        assert len(facts(folder, "submitted")) == 1, "none was submitted twice"
        assert result.provenance is not None
        assert result.provenance.preemptions == 0
    assert not ask("squeue", "--noheader", "--name=harness")
    assert not list((out / "jobs").rglob("*.pkl")), "only scripts and logs are kept"


def test_a_warned_job_goes_on_from_the_step_where_it_was(
    long_root: Path, tmp_path: Path, undisturbed: CellResult
) -> None:
    result, folder, it = disturbed(
        long_root, tmp_path / "out", lambda job: ask("scancel", "--signal=USR2", job) and None
    )
    assert result.repeatable() == undisturbed.repeatable()
    [resumed] = facts(folder, "resumed")
    assert it.at_step <= int(str(resumed["step"])) < 2 * STEPS, "not from the end of an epoch"
    assert result.provenance is not None
    assert result.provenance.preemptions == 1


def come_urgently(job: str) -> None:
    """Submit a job for which the other has to go."""
    ask("sbatch", "--partition=urgent", "--exclusive", "--output=/dev/null", "--job-name=harness", "--wrap=true")


def test_a_job_that_makes_room_for_an_urgent_one_goes_on_where_it_was(
    long_root: Path, tmp_path: Path, undisturbed: CellResult
) -> None:
    result, folder, it = disturbed(long_root, tmp_path / "out", come_urgently)
    assert result.repeatable() == undisturbed.repeatable()
    [resumed] = facts(folder, "resumed")
    assert it.at_step <= int(str(resumed["step"])) < 2 * STEPS
    assert [event["warned"] for event in facts(folder, "preempted")] == [True]


def test_a_job_that_is_requeued_without_a_word_counts_as_preempted(
    long_root: Path, tmp_path: Path, undisturbed: CellResult
) -> None:
    result, folder, _ = disturbed(long_root, tmp_path / "out", lambda job: ask("scontrol", "requeue", job) and None)
    assert result.repeatable() == undisturbed.repeatable()
    assert [event["warned"] for event in facts(folder, "preempted")] == [False]
    assert result.provenance is not None
    assert result.provenance.preemptions == 1


def test_a_cancelled_job_has_failed_and_a_rerun_finishes_it(
    long_root: Path, tmp_path: Path, undisturbed: CellResult
) -> None:
    out = tmp_path / "out"
    result, folder, it = disturbed(long_root, out, lambda job: ask("scancel", job) and None)
    assert result.status == "failed"
    [submitted] = facts(folder, "submitted")
    assert "CANCELLED" in str(result.reason)
    assert str(submitted["log"]) in str(result.reason)
    assert Path(str(submitted["log"])).exists()
    again = teacher_by(executor(out), long_root, out, Notes())
    assert again.repeatable() == undisturbed.repeatable()
    assert int(str(facts(folder, "resumed")[-1]["step"])) >= it.at_step, "it had saved a checkpoint before it went"
    assert again.provenance is not None
    assert again.provenance.preemptions == 0, "nobody took its place"


@pytest.mark.slow
def test_a_job_whose_time_runs_out_is_queued_again_until_it_may_no_more(write_sequences, tmp_path: Path) -> None:
    """SLURM warns up to half a minute early, so that limits of two minutes are over after one and a half."""
    out, root = tmp_path / "out", write_sequences({"00": 2 * STEPS, "08": 2}, points=100)
    store = Store(out)
    order = orders_of(tiny(("none",), epochs=1000), root, store)[0]
    folder = store.find(order.cell)
    hasten = Disturbance(folder, lambda job: wait_until(lambda: bool(facts(folder, "preempted"))))
    hasten.start()
    by = executor(out, time="00:02:00", signal_delay_s=20, max_requeues=1)
    [result] = run_matrix([order], store, by, Notes())
    assert result.status == "failed"
    assert "timed-out too many times" in str(result.reason)
    assert [event["warned"] for event in facts(folder, "preempted")] == [True, True]
    assert len(facts(folder, "resumed")) == 1
    assert list(folder.checkpoints.glob("*.pt")), "the next run goes on from here"


def test_what_slurm_refuses_is_told_in_its_words(root: Path, tmp_path: Path) -> None:
    with pytest.raises(HarnessError, match=r"sbatch: found .*invalid partition"):
        run(root, tmp_path, tiny(("none",)), executor(tmp_path, partition="nowhere"))
