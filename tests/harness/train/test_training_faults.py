"""Real trainings that go wrong: what the cell says, and that what was good before stays and can be gone on from."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
import torch
from test_loop import make_job, run

from harness.config.matrix_file import parse_matrix
from harness.config.parts import parts
from harness.errors import HarnessError
from harness.matrix.data import prepare_data
from harness.matrix.executors.debug import DebugExecutor
from harness.matrix.order import DataCopy, Resources
from harness.matrix.orders import make_orders
from harness.matrix.plan import plan
from harness.matrix.run import run_matrix
from harness.spec import CellResult
from harness.store import Store
from harness.train import checkpoint
from harness.train.finite import infinite_names
from harness.train.loop import TrainingJob, train

NAN = "failing_methods:NanOnOneScan"
SCAN = "00/000001"


@pytest.fixture
def root(write_sequences) -> Path:
    return write_sequences({"00": 5, "08": 1}, points=300)


def failure(job: TrainingJob) -> tuple[str, list[str]]:
    """What the training stops with, and what it noted before."""
    notes: list[str] = []
    with pytest.raises(HarnessError) as caught:
        train(job, lambda step: None, notes.append)
    return str(caught.value), notes


def logged(folder: Path) -> list[dict]:
    lines = (folder / "metrics.jsonl").read_text().splitlines()
    return [json.loads(line, parse_constant=pytest.fail) for line in lines]


def sound_checkpoints(folder: Path) -> dict[str, bytes]:
    """Every checkpoint's bytes, after it was loaded and found finite."""
    paths = sorted((folder / "checkpoint").glob("*.pt"))
    assert not any(infinite_names(checkpoint.load(path)) for path in paths)
    return {path.name: path.read_bytes() for path in paths}


@pytest.mark.parametrize("batch_size", [1, 2])
def test_a_nan_term_stops_the_training_by_name_step_and_scan_and_a_rerun_meets_it_again(
    root: Path, tmp_path: Path, batch_size: int
) -> None:
    per_epoch = math.ceil(5 / batch_size)
    settings = {"scan": SCAN, "after": per_epoch}  # the first epoch goes well
    job = make_job(root, tmp_path / "cell", NAN, method_settings=settings, batch_size=batch_size)
    step = per_epoch + next(
        place for place, ids in enumerate(job.scans.epoch_batches(1, batch_size)) if SCAN in ids
    )  # fmt: skip
    message, notes = failure(job)
    assert message.startswith(f"epoch 2, step {step + 1} (epoch 1, step {step} in metrics.jsonl")
    assert f"which counts from 0), scan {SCAN}: found term 'odd' = nan: the outputs are finite" in message
    assert notes == []
    rows = logged(job.folder)
    assert [row["step"] for row in rows] == list(range(step)), "the step that failed is not logged"
    assert not (job.folder / "weights.safetensors").exists()
    kept = sound_checkpoints(job.folder)
    assert list(kept) == [f"{per_epoch:09d}.pt"]
    again, notes = failure(job)
    assert again == message
    assert notes == [f"Resumed at step {per_epoch}."]
    assert sound_checkpoints(job.folder) == kept
    assert logged(job.folder) == rows


def test_statistics_that_overflow_in_finite_steps_are_written_into_no_checkpoint(root: Path, tmp_path: Path) -> None:
    """Each term and each gradient of this training is finite, and so are the weights."""
    job = make_job(root, tmp_path / "cell", optimizer="sgd", learning_rate=1000.0)
    message, _ = failure(job)
    assert message.startswith(
        "after epoch 2, step 6 (epoch 1, step 5 in metrics.jsonl, which counts from 0): found NaN"
    )
    assert "student.stem.1.norm.running_var" in message
    assert len(logged(job.folder)) == 6
    kept = sound_checkpoints(job.folder)
    assert list(kept) == ["000000003.pt"]
    again, notes = failure(job)
    assert (again, notes) == (message, ["Resumed at step 3."])
    assert sound_checkpoints(job.folder) == kept


@pytest.mark.parametrize("rate", [1e15, 1e18, 1e25])
def test_a_student_that_diverges_at_once_says_so_and_leaves_no_checkpoint(
    root: Path, tmp_path: Path, rate: float
) -> None:
    job = make_job(root, tmp_path / "cell", "pvd", optimizer="sgd", learning_rate=rate)
    message, _ = failure(job)
    assert "step" in message
    assert "The student diverges: lower recipe.learning_rate" in message
    assert sound_checkpoints(job.folder) == {}


def test_weights_of_a_poisoned_last_checkpoint_are_not_written(root: Path, tmp_path: Path) -> None:
    """A checkpoint that an older version wrote is passed over, and the steps after the one before it made again."""
    job = make_job(root, tmp_path / "cell")
    weights = run(job)
    state = checkpoint.load(job.folder / "checkpoint/000000009.pt")
    state["student"]["head.weight"][0, 0] = math.nan
    checkpoint.save(job.folder / "checkpoint", state)
    notes: list[str] = []
    train(job, lambda step: None, notes.append)
    assert "000000009.pt: found NaN or ∞ in student.head.weight" in notes[0]
    assert notes[1] == "Resumed at step 6."
    assert (job.folder / "weights.safetensors").read_bytes() == weights


class Quiet:
    """A progress display that counts steps."""

    def __init__(self) -> None:
        self.steps = 0

    def cell(self, name: str, number: int, cells: int) -> None: ...

    def step(self, step: object) -> None:
        self.steps += 1

    def phase(self, name: str, done: int, total: int) -> None: ...

    def note(self, sentence: str) -> None: ...


MATRIX = parse_matrix(
    {
        "name": "tiny",
        "backbones": [{"teacher_width": 0.125, "student_width": 0.0625, "voxel_size_m": 4.0}],
        "methods": [{"name": NAN, "settings": {"scan": SCAN, "after": 5}}, "logit_kd"],
        "recipe": {"epochs": 2, "batch_size": 1, "optimizer": "adam", "learning_rate": 0.01},
        "measure": {"macs_scans": 1, "latency_scans": 0},
    },
    "test",
)


def run_tiny(root: Path, out: Path) -> tuple[list[CellResult], int]:
    store, progress, copy = Store(out), Quiet(), DataCopy("semantickitti", root)
    data, [part] = prepare_data(copy, store.path, 0), parts(MATRIX)
    orders = make_orders(plan(part, data.spec, 19), copy, store, Resources(torch.device("cpu")))
    return run_matrix(orders, store, DebugExecutor(), progress), progress.steps


def test_in_a_matrix_the_other_cells_go_on_and_the_result_names_term_scan_and_step(root: Path, tmp_path: Path) -> None:
    results, _ = run_tiny(root, tmp_path / "runs")
    assert [result.status for result in results] == ["finished", "failed", "finished"]
    folder = Store(tmp_path / "runs").find(results[1].spec.hash)
    written = folder.result()
    assert written is not None
    step = len(logged(folder.path)) + 1
    assert f"epoch 2, step {step} (epoch 1, step {step - 1} in metrics.jsonl" in str(written.reason)
    assert f"scan {SCAN}: found term 'odd' = nan" in str(written.reason)
    assert list(sound_checkpoints(folder.path)) == ["000000005.pt"]
    again, steps = run_tiny(root, tmp_path / "runs")
    assert [result.repeatable() for result in again] == [result.repeatable() for result in results]
    assert steps == step - 1 - 5, "it went on from the checkpoint of its first epoch, and the others were finished"
