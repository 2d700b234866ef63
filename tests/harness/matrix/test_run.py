"""A whole matrix on a handful of random scans: real training, evaluation and measuring, at the smallest size."""

from __future__ import annotations

import json
import math
import resource
import shutil
from pathlib import Path

import pytest
import torch

from harness.config.matrix_file import parse_matrix
from harness.data.semantickitti import SemanticKitti
from harness.errors import HarnessError
from harness.matrix.data import prepare_data, spread_by_size
from harness.matrix.order import Resources
from harness.matrix.plan import plan
from harness.matrix.run import run_matrix
from harness.spec import CellResult
from harness.store import Store
from harness.train.learner import build_network
from harness.train.weights import save_weights

MATRIX = parse_matrix(
    {
        "name": "tiny",
        "backbones": [{"teacher_width": 0.125, "student_width": 0.0625, "voxel_size_m": 4.0}],
        "methods": ["none", "logit_kd", "pvd"],
        "recipe": {"epochs": 1, "batch_size": 2, "optimizer": "adam", "learning_rate": 0.01},
        "measure": {"macs_scans": 2, "latency_scans": 2, "latency_passes": 1},
    },
    "test",
)


class Notes:
    """A progress display that remembers."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.steps = 0

    def cell(self, name: str, number: int, cells: int) -> None:
        self.notes.append(name)

    def step(self, step: object) -> None:
        self.steps += 1

    def phase(self, name: str, done: int, total: int) -> None:
        assert 0 < done <= total

    def note(self, sentence: str) -> None:
        self.notes.append(sentence)


def run(root: Path, out: Path) -> tuple[list[CellResult], Notes]:
    store, notes = Store(out), Notes()
    data = prepare_data(SemanticKitti(root), store.path, 0)
    results = run_matrix(plan(MATRIX, data.spec, 19), store, data, Resources(torch.device("cpu")), notes)
    return results, notes


@pytest.fixture
def root(write_sequences) -> Path:
    return write_sequences({"00": 3, "08": 2}, points=200)


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


def test_the_same_matrix_elsewhere_has_the_same_scores_and_weights(root: Path, tmp_path: Path) -> None:
    one, _ = run(root, tmp_path / "one")
    copy = tmp_path / "moved"
    shutil.copytree(root, copy)
    two, _ = run(copy, tmp_path / "two")
    assert [r.spec.hash for r in one] == [r.spec.hash for r in two]
    assert [r.score for r in one] == [r.score for r in two]
    assert [r.training.weights_sha256 for r in one if r.training] == [
        r.training.weights_sha256 for r in two if r.training
    ]


def test_other_bytes_are_another_cell(root: Path, tmp_path: Path) -> None:
    one, _ = run(root, tmp_path / "one")
    label = root / "sequences/08/labels/000000.label"
    label.write_bytes(label.read_bytes()[4:] + label.read_bytes()[:4])
    two, notes = run(root, tmp_path / "one")
    assert not {r.spec.hash for r in one} & {r.spec.hash for r in two}
    assert notes.steps == 8


def test_a_broken_scan_fails_its_cells_with_the_reason_and_a_rerun_does_what_is_missing(
    root: Path, tmp_path: Path
) -> None:
    store, notes = Store(tmp_path / "runs"), Notes()
    data = prepare_data(SemanticKitti(root), store.path, 0)
    specs = plan(MATRIX, data.spec, 19)
    scan = root / "sequences/08/velodyne/000001.bin"
    whole = scan.read_bytes()
    scan.write_bytes(whole[:-3])
    results = run_matrix(specs, store, data, Resources(torch.device("cpu")), notes)
    assert [r.status for r in results] == ["failed"] * 4
    assert all("000001.bin" in str(r.reason) for r in results[:2])
    assert "teacher" in str(results[2].reason), "a student says which teacher it lacks"
    events = (store.find(specs[0].hash).path / "events.jsonl").read_text().splitlines()
    assert json.loads(events[-1])["event"] == "failed"
    scan.write_bytes(whole)
    notes = Notes()
    results = run_matrix(specs, store, data, Resources(torch.device("cpu")), notes)
    assert [r.status for r in results] == ["finished"] * 4
    assert notes.steps == 4, "the two that had been trained only needed their evaluation"


def test_a_disk_that_takes_no_checkpoint_fails_the_cells_and_a_rerun_finishes_them(root: Path, tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, hard))
    try:
        results, _ = run(root, tmp_path / "runs")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert [r.status for r in results] == ["failed"] * 4
    assert "000000002.pt" in str(results[0].reason)
    assert "on writing" in str(results[0].reason)
    assert not list((tmp_path / "runs").rglob("*.tmp")), "nothing half-written is left"
    assert not list((tmp_path / "runs").rglob("*.pt"))
    results, _ = run(root, tmp_path / "runs")
    assert [r.status for r in results] == ["finished"] * 4


def test_what_can_not_be_used_is_found_before_training(root: Path, tmp_path: Path) -> None:
    labels = sorted((root / "sequences/00/labels").iterdir())
    whole = [path.read_bytes() for path in labels]
    for path in labels:
        path.write_bytes(bytes(path.stat().st_size))
    with pytest.raises(HarnessError, match=r"train split: found .* all ignored; expected some labelled points"):
        prepare_data(SemanticKitti(root), tmp_path, 0)
    for path, content in zip(labels, whole, strict=True):
        path.write_bytes(content)
    (root / "sequences/08/velodyne/000001.bin").write_bytes(b"123")
    with pytest.raises(HarnessError, match=r"000001\.bin"):
        prepare_data(SemanticKitti(root), tmp_path, 0)


def test_exchanged_weights_are_refused(root: Path, tmp_path: Path) -> None:
    results, _ = run(root, tmp_path / "runs")
    store = Store(tmp_path / "runs")
    teacher, student = (store.find(result.spec.hash) for result in results[:2])
    weights = teacher.path / "weights.safetensors"
    other = build_network(teacher.spec().backbone, "portable", 99)
    save_weights(other, weights)
    (store.find(results[2].spec.hash).path / "result.json").unlink()
    again, _ = run(root, tmp_path / "runs")
    assert [r.status for r in again] == ["finished", "finished", "failed", "finished"]
    assert "weights.safetensors" in str(again[2].reason)
    assert student.status() == "finished"


def test_measuring_more_does_not_train_again(root: Path, tmp_path: Path) -> None:
    first, _ = run(root, tmp_path / "runs")
    more = MATRIX.model_copy(update={"measure": MATRIX.measure.model_copy(update={"latency_passes": 2})})
    store, notes = Store(tmp_path / "runs"), Notes()
    data = prepare_data(SemanticKitti(root), store.path, 0)
    second = run_matrix(plan(more, data.spec, 19), store, data, Resources(torch.device("cpu")), notes)
    assert notes.steps == 0
    assert [r.latency.passes for r in second if r.latency] == [2] * 4
    assert [r.score for r in second] == [r.score for r in first]


def test_a_damaged_training_scan_is_left_out_only_when_asked(root: Path, tmp_path: Path) -> None:
    (root / "sequences/00/velodyne/000001.bin").write_bytes(b"123")
    notes: list[str] = []
    data = prepare_data(SemanticKitti(root, policy="skip-and-report"), tmp_path, 0, notes.append)
    assert data.train == ("00/000000", "00/000002")
    assert data.spec.partial
    assert data.spec.scans == {"train": 2, "val": 2}
    assert "000001.bin" in notes[0]


def test_a_cell_that_another_process_runs_is_left_to_it(root: Path, tmp_path: Path) -> None:
    store = Store(tmp_path / "runs")
    data = prepare_data(SemanticKitti(root), store.path, 0)
    specs = plan(MATRIX, data.spec, 19)[:2]
    with store.add(specs[0], root).lock():
        results, notes = [], Notes()
        results = run_matrix(specs, store, data, Resources(torch.device("cpu")), notes)
    assert [r.spec.role for r in results] == ["student"]
    assert any("another process" in note for note in notes.notes)


def test_scans_are_spread_by_their_size(write_sequences) -> None:
    dataset = SemanticKitti(write_sequences({"00": 5, "08": 1}))
    ids = dataset.scan_ids("train")
    assert spread_by_size(dataset, ids[::-1], 3) == [ids[0], ids[2], ids[4]]
