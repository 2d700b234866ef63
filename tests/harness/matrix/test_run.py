"""A whole matrix on a handful of random scans: real training, evaluation and measuring, at the smallest size."""

from __future__ import annotations

import json
import math
import resource
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from tiny_matrix import Notes, events, orders_of, planned, run, tiny

from harness.data.semantickitti import SemanticKitti
from harness.errors import HarnessError
from harness.matrix.budget_clock import BudgetClock
from harness.matrix.data import prepare_data, spread_by_size
from harness.matrix.executors.debug import DebugExecutor
from harness.matrix.forecast import forecast
from harness.matrix.job import run_order
from harness.matrix.order import DataCopy
from harness.matrix.run import run_matrix
from harness.store import Store
from harness.train.learner import build_network
from harness.train.weights import save_weights


def test_a_matrix_runs_and_a_second_run_does_nothing(root: Path, tmp_path: Path) -> None:
    results, notes = run(root, tmp_path / "runs")
    assert [r.status for r in results] == ["finished"] * 4
    assert notes.steps == 4 * 2
    teacher, student, _, pvd = results
    for result in results:
        assert result.score is not None
        assert result.macs is not None
        assert result.latency is not None
        assert 0 <= result.score.miou <= 1
        assert math.isclose(result.score.miou, sum(result.score.iou.values()) / 19)
        assert sum(map(sum, result.score.confusion)) == 200 + 203
        assert result.score.confusion[0] == [0] * 20, "the ignored id is never predicted"
        assert result.latency.device_kind == "CPU"
    assert teacher.training is not None
    assert pvd.training is not None
    assert pvd.training.teacher_weights_sha256 == teacher.training.weights_sha256
    assert student.macs is not None
    assert teacher.macs is not None
    assert student.macs.gmacs_mean < 0.4 * teacher.macs.gmacs_mean
    again, notes = run(root, tmp_path / "runs")
    assert again == results
    assert notes.steps == 0
    assert notes.notes == ["4 of 4 cells were finished before: skipped."]


def test_the_same_matrix_elsewhere_has_the_same_scores_and_weights(root: Path, tmp_path: Path) -> None:
    one, _ = run(root, tmp_path / "one", tiny(("pvd",)))
    copy = tmp_path / "moved"
    shutil.copytree(root, copy)
    two, _ = run(copy, tmp_path / "two", tiny(("pvd",)))
    assert [r.spec.hash for r in one] == [r.spec.hash for r in two]
    assert [r.score for r in one] == [r.score for r in two]
    assert [r.training.weights_sha256 for r in one if r.training] == [
        r.training.weights_sha256 for r in two if r.training
    ]


def test_other_bytes_are_another_cell(root: Path, tmp_path: Path) -> None:
    one, _ = run(root, tmp_path / "one", tiny(("pvd",)))
    label = root / "sequences/08/labels/000000.label"
    label.write_bytes(label.read_bytes()[4:] + label.read_bytes()[:4])
    two, notes = run(root, tmp_path / "one", tiny(("pvd",)))
    assert not {r.spec.hash for r in one} & {r.spec.hash for r in two}
    assert notes.steps == 4


def test_a_scan_that_breaks_fails_its_cells_with_the_reason_and_a_rerun_does_what_is_missing(
    root: Path, tmp_path: Path
) -> None:
    scan = root / "sequences/08/velodyne/000001.bin"
    whole = scan.read_bytes()

    class Breaking(Notes):
        def step(self, step: object) -> None:
            super().step(step)
            scan.write_bytes(whole[:-3])

    results, notes = run(root, tmp_path / "runs", tiny(("none", "pvd")), notes=Breaking())
    assert [r.status for r in results] == ["failed"] * 3
    assert notes.steps == 2, "only the teacher came to its training"
    assert all("000001.bin" in str(r.reason) for r in results)
    assert events(tmp_path / "runs", results[0])[-1] == "failed"
    assert events(tmp_path / "runs", results[1]) == ["failed"], "its data could not be prepared any more"
    scan.write_bytes(whole)
    results, notes = run(root, tmp_path / "runs", tiny(("none", "pvd")))
    assert [r.status for r in results] == ["finished"] * 3
    assert notes.steps == 2 * 2, "what had been trained only needed its evaluation"


def test_a_student_says_which_teacher_it_lacks(root: Path, tmp_path: Path) -> None:
    store = Store(tmp_path)
    orders = orders_of(tiny(("pvd",)), root, store)
    run_order(orders[1], Notes())
    result = store.find(orders[1].cell).result()
    assert result is not None
    assert result.status == "failed"
    assert f"{orders[0].cell}-semantickitti-minkowskinet-w0.125-teacher-s0" in str(result.reason)


def test_data_that_changed_since_the_run_was_planned_is_refused(root: Path, tmp_path: Path) -> None:
    store = Store(tmp_path)
    [_, student] = orders_of(tiny(("none",)), root, store)
    label = root / "sequences/08/labels/000000.label"
    label.write_bytes(label.read_bytes()[4:] + label.read_bytes()[:4])
    assert run_order(student, Notes()) == "done"
    result = store.find(student.cell).result()
    assert result is not None
    assert f"{root}: found data that changed since the run was planned (manifest)" in str(result.reason)
    assert "Run the matrix again" in str(result.reason)


def test_a_disk_that_takes_no_checkpoint_fails_the_cells_and_a_rerun_finishes_them(root: Path, tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, hard))
    try:
        results, _ = run(root, tmp_path / "runs", tiny(("pvd",)))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert [r.status for r in results] == ["failed"] * 2
    assert "000000002.pt" in str(results[0].reason)
    assert "on writing" in str(results[0].reason)
    assert not list((tmp_path / "runs").rglob("*.tmp")), "nothing half-written is left"
    assert not list((tmp_path / "runs").rglob("*.pt"))
    results, _ = run(root, tmp_path / "runs", tiny(("pvd",)))
    assert [r.status for r in results] == ["finished"] * 2


def test_what_can_not_be_used_is_found_before_training(root: Path, tmp_path: Path) -> None:
    labels = sorted((root / "sequences/00/labels").iterdir())
    whole = [path.read_bytes() for path in labels]
    for path in labels:
        path.write_bytes(bytes(path.stat().st_size))
    with pytest.raises(HarnessError, match=r"train split: found .* all ignored; expected some labelled points"):
        prepare_data(DataCopy("semantickitti", root), tmp_path, 0)
    for path, content in zip(labels, whole, strict=True):
        path.write_bytes(content)
    (root / "sequences/08/velodyne/000001.bin").write_bytes(b"123")
    with pytest.raises(HarnessError, match=r"000001\.bin"):
        prepare_data(DataCopy("semantickitti", root), tmp_path, 0)


def test_exchanged_weights_are_refused(root: Path, tmp_path: Path) -> None:
    results, _ = run(root, tmp_path / "runs", tiny(("none", "pvd")))
    store = Store(tmp_path / "runs")
    teacher, student = (store.find(result.spec.hash) for result in results[:2])
    weights = teacher.path / "weights.safetensors"
    other = build_network(teacher.spec().backbone, "portable", 99)
    save_weights(other, weights)
    (store.find(results[2].spec.hash).path / "result.json").unlink()
    again, _ = run(root, tmp_path / "runs", tiny(("none", "pvd")))
    assert [r.status for r in again] == ["finished", "finished", "failed"]
    assert "weights.safetensors" in str(again[2].reason)
    assert student.status() == "finished"


def test_measuring_more_does_not_train_again(root: Path, tmp_path: Path) -> None:
    once = tiny(("pvd",))
    first, _ = run(root, tmp_path / "runs", once)
    more = once.model_copy(update={"measure": once.measure.model_copy(update={"latency_passes": 2})})
    second, notes = run(root, tmp_path / "runs", more)
    assert notes.steps == 0
    assert [r.latency.passes for r in second if r.latency] == [2] * 2
    assert [r.score for r in second] == [r.score for r in first]


def test_a_damaged_training_scan_is_left_out_only_when_asked(root: Path, tmp_path: Path) -> None:
    (root / "sequences/00/velodyne/000001.bin").write_bytes(b"123")
    notes: list[str] = []
    data = prepare_data(DataCopy("semantickitti", root, policy="skip-and-report"), tmp_path, 0, notes.append)
    assert data.train == ("00/000000", "00/000002")
    assert data.spec.partial
    assert data.spec.scans == {"train": 2, "val": 2}
    assert "000001.bin" in notes[0]


def test_a_cell_that_another_process_holds_or_whose_teacher_it_holds_is_elsewhere(root: Path, tmp_path: Path) -> None:
    store = Store(tmp_path)
    teacher, student = orders_of(tiny(("pvd",)), root, store)
    with store.find(teacher.cell).lock():
        assert run_order(teacher, Notes()) == "elsewhere"
        assert run_order(student, Notes()) == "elsewhere"
    assert [store.find(order.cell).status() for order in (teacher, student)] == ["pending", "pending"]


def test_a_cell_is_waited_for_and_taken_up_when_its_holder_dies(root: Path, tmp_path: Path) -> None:
    store = Store(tmp_path / "runs")
    teacher = planned(tiny(("pvd",)), root, store)[0]
    lock = store.add(teacher, root).path / ".lock"
    program = "import filelock, sys; lock = filelock.FileLock(sys.argv[1]); lock.acquire(); print(); sys.stdin.read()"
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-uc", program, str(lock)], **pipes) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()

        class Murderous(Notes):
            def note(self, sentence: str) -> None:
                super().note(sentence)
                if "another process" in sentence:
                    holder.send_signal(signal.SIGKILL)

        results, notes = run(root, tmp_path / "runs", tiny(("pvd",)), notes=Murderous())
    assert holder.returncode == -signal.SIGKILL
    assert [r.status for r in results] == ["finished", "finished"]
    assert notes.notes == [f"{teacher.cell} is being run by another process: waiting for it."]


def test_two_runs_started_at_once_share_the_cells(root: Path, tmp_path: Path) -> None:
    matrix, out = tiny(("none", "pvd"), epochs=3), tmp_path / "runs"
    alone, _ = run(root, tmp_path / "alone", matrix)
    program = [sys.executable, str(Path(__file__).with_name("tiny_matrix.py")), "debug", str(root), str(out), "3"]
    with subprocess.Popen(program, stdout=subprocess.PIPE) as other:
        while not list(out.glob("store/*/events.jsonl")):
            assert other.poll() is None
        here, notes = run(root, out, matrix)
        [there, _] = other.communicate()
    assert any("by another process" in note for note in notes.notes)
    assert [r.repeatable() for r in here] == [r.repeatable() for r in alone] == json.loads(there)
    assert [events(out, result).count("started") for result in here] == [1] * 3


@pytest.mark.parametrize(
    ("hours", "run_cells", "words"),
    [(1e-9, ["teacher"], ["left out by the budget"] * 2), (0.0, [], ["left out by the budget", "as its teacher was"])],
)
def test_what_the_budget_does_not_let_start_has_no_result(
    root: Path, tmp_path: Path, hours: float, run_cells: list[str], words: list[str]
) -> None:
    store, notes, matrix = Store(tmp_path / "runs"), Notes(), tiny(("pvd", "logit_kd"))
    specs = planned(matrix, root, store)
    clock = BudgetClock(specs, hours, 1, lambda: forecast(specs, store, [], "cpu"))
    results = run_matrix(orders_of(matrix, root, store), store, DebugExecutor(), notes, clock)
    assert [r.spec.role for r in results] == run_cells
    assert all(any(said in note for note in notes.notes) for said in words)
    assert len(notes.notes) == 3 - len(run_cells)
    assert notes.cells == [r.spec.name for r in results]


def test_scans_are_spread_by_their_size(write_sequences) -> None:
    dataset = SemanticKitti(write_sequences({"00": 5, "08": 1}))
    ids = dataset.scan_ids("train")
    assert spread_by_size(dataset, ids[::-1], 3) == [ids[0], ids[2], ids[4]]
