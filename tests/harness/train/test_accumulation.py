"""Steps in parts: what they compute, against forward passes written out; what a result says; how they resume."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import pytest
import torch
from failing_methods import learner_of, points_of
from test_loop import make_job

from backbones.build import NAMES
from harness.data.step_batch import PartBatch, StepBatch
from harness.errors import HarnessError
from harness.train.learner import network_voxelizer
from harness.train.loop import TrainingJob, TrainingStep, train, training_result
from harness.train.one_scan import select_voxels
from harness.train.sitting import Sitting, Stopped


@pytest.fixture
def root(write_sequences) -> Path:
    return write_sequences({"00": 5, "08": 1}, points=300)


def run(job: TrainingJob, micro_batch: int | None = None, stop_at: int | None = None) -> bytes:
    """Train and return the bytes of the weights; the sitting is told to end after `stop_at` steps."""
    steps: list[TrainingStep] = []
    train(job, steps.append, lambda note: None, Sitting(micro_batch, stop=lambda: len(steps) == stop_at))
    return (job.folder / "weights.safetensors").read_bytes()


@pytest.mark.parametrize("method", ["none", "fitnets", "pvd"])
@pytest.mark.parametrize("name", NAMES)
def test_gradients_and_terms_are_those_of_the_parts_alone_by_weight(name: str, method: str) -> None:
    """Of three scans, the first two pass together."""
    learner, _ = learner_of(name, method, optimizer="sgd")
    voxelize = network_voxelizer(learner.spec.backbone)
    scans = [select_voxels(voxelize(points_of((500, 700, 600))), scan) for scan in range(3)]
    parts = (PartBatch(voxelize(points_of((500, 700))), 2 / 3), PartBatch(scans[2], 1 / 3))
    wanted, terms = dict[str, torch.Tensor](), dict[str, float]()
    for part in parts:
        alone = copy.deepcopy(learner)
        for term, value in alone.step(StepBatch.whole(0, part.voxels), 0.0).items():
            terms[term] = terms.get(term, 0) + part.weight * value
        for path, parameter in alone.objective.named_parameters():
            if parameter.grad is not None:
                wanted[path] = wanted.get(path, 0) + part.weight * parameter.grad
    assert learner.step(StepBatch(0, ("a", "b", "c"), parts), 0.0) == pytest.approx(terms, rel=1e-6)
    found = {path: p.grad for path, p in learner.objective.named_parameters() if p.grad is not None}
    assert found.keys() == wanted.keys()
    largest = max(float(gradient.abs().max()) for gradient in wanted.values())
    for path, gradient in wanted.items():
        torch.testing.assert_close(found[path], gradient, rtol=1e-4, atol=1e-5 * largest, msg=path)


def test_a_step_in_parts_of_other_sizes_is_another_step(root: Path, tmp_path: Path) -> None:
    """Batch normalisation sees a part at a time, so that the parts are no matter of memory alone."""
    whole, halves = make_job(root, tmp_path / "whole"), make_job(root, tmp_path / "halves")
    assert run(whole) != run(halves, 1)
    assert training_result(whole, "w").micro_batch is None
    assert training_result(halves, "w").micro_batch == 1
    assert training_result(halves, "w").processes == 1


def test_a_micro_batch_as_large_as_the_batch_changes_nothing(root: Path, tmp_path: Path) -> None:
    whole, same = make_job(root, tmp_path / "whole", "pvd"), make_job(root, tmp_path / "same", "pvd")
    assert run(whole) == run(same, 2)
    assert training_result(same, "w").micro_batch is None


@pytest.mark.parametrize("micro_batch", [None, 1])
def test_a_training_that_is_told_to_leave_saves_and_ends_up_the_same(
    root: Path, tmp_path: Path, micro_batch: int | None
) -> None:
    whole = run(make_job(root, tmp_path / "whole", "pvd", name="spvnas"), micro_batch)
    cut = make_job(root, tmp_path / "cut", "pvd", name="spvnas")
    for stop_at, saved in ((4, 4), (1, 5)):
        with pytest.raises(Stopped, match=f"after step {saved} of 9"):
            run(cut, micro_batch, stop_at)
        assert max(path.stem for path in (cut.folder / "checkpoint").glob("*.pt")) == f"{saved:09d}"
    assert not (cut.folder / "weights.safetensors").exists()
    assert run(cut, micro_batch) == whole
    assert (cut.folder / "metrics.jsonl").read_text() == (tmp_path / "whole/metrics.jsonl").read_text()
    events = [json.loads(line) for line in (cut.folder / "events.jsonl").read_text().splitlines()]
    assert [(event["event"], event["step"]) for event in events] == [
        ("checkpoint", 3), ("checkpoint", 4), ("resumed", 4), ("checkpoint", 5), ("resumed", 5),
        ("checkpoint", 6), ("checkpoint", 9),
    ]  # fmt: skip
    assert all(event["seconds"] >= 0 for event in events if event["event"] == "checkpoint")


def test_the_smallest_micro_batch_of_all_sittings_is_told(root: Path, tmp_path: Path) -> None:
    job = make_job(root, tmp_path / "cell", batch_size=4)
    for micro_batch in (4, 1, 2):
        with pytest.raises(Stopped):
            run(job, micro_batch, stop_at=1)
    run(job)
    assert training_result(job, "w").micro_batch == 1


def test_a_term_that_is_not_finite_names_its_scan_though_another_part_came_first() -> None:
    learner, _ = learner_of("minkowskinet", "failing_methods:NanOnOneScan", {"scan": "c"})
    voxelize = network_voxelizer(learner.spec.backbone)
    scans = voxelize(points_of((500, 700, 600)))
    parts = tuple(PartBatch(select_voxels(scans, scan), 1 / 3) for scan in range(3))
    with pytest.raises(HarnessError, match=r"^epoch 3, step 8 .*, scan c: found term 'odd' = nan"):
        learner.step(StepBatch(2, ("a", "b", "c"), parts), 0.01, 7)
