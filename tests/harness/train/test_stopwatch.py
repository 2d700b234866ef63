"""What each sitting of a training leaves behind about itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from test_loop import make_job

from harness.measure.device import describe_device
from harness.spec import SittingResult
from harness.train import checkpoint
from harness.train.loop import TrainingJob, TrainingStep, train, training_result
from harness.train.sitting import Sitting, Stopped
from harness.train.stopwatch import Spent, spent_so_far
from harness.version import VERSION


@pytest.fixture
def root(write_sequences: Callable[..., Path]) -> Path:
    """Five scans to train on: three batches an epoch."""
    return write_sequences({"00": 5, "08": 1}, points=300)


def sit(job: TrainingJob, leave_after: int | None = None, micro_batch: int | None = None, kill: bool = False) -> None:
    """Train to the end, until it is told to leave after some steps, or until it is killed after them."""
    done: list[TrainingStep] = []

    def count(step: TrainingStep) -> None:
        done.append(step)
        if kill and len(done) == leave_after:
            raise KeyboardInterrupt

    try:
        train(job, count, lambda note: None, Sitting(micro_batch, stop=lambda: len(done) == leave_after))
    except (Stopped, KeyboardInterrupt):
        return


def test_every_sitting_that_made_a_checkpoint_has_a_record(root: Path, tmp_path: Path) -> None:
    job = make_job(root, tmp_path / "cell")
    sit(job, leave_after=4)
    sit(replace(job, commit="abc-dirty"), leave_after=1, kill=True)
    sit(replace(job, commit="abc-dirty"), leave_after=3, micro_batch=1, kill=True)
    sit(replace(job, commit="abc"))
    result = training_result(job, "w")
    assert [(s.steps, s.micro_batch, s.processes, s.commit) for s in result.sittings] == [
        (4, None, 1, None), (2, 1, 1, "abc-dirty"), (3, None, 1, "abc"),
    ]  # fmt: skip
    device = f"{describe_device(torch.device('cpu'))}, threads: {torch.get_num_threads()}"
    assert {(s.device, s.harness) for s in result.sittings} == {(device, VERSION)}
    assert result.devices == (device,) * 3
    assert (result.micro_batch, result.processes, result.steps) == (1, 1, 9)
    assert all(s.seconds > 0 for s in result.sittings)
    assert result.seconds == sum(s.seconds for s in result.sittings)
    assert result.known_sittings() == result.sittings
    assert type(result).model_validate_json(result.model_dump_json()) == result


@pytest.mark.parametrize("told", [{}, {"micro_batch": 1, "processes": 2}])
def test_an_older_checkpoint_is_gone_on_from_and_its_sittings_are_one(
    root: Path, tmp_path: Path, told: dict[str, int]
) -> None:
    whole, job = make_job(root, tmp_path / "whole"), make_job(root, tmp_path / "cell")
    sit(whole)
    sit(job, leave_after=4)
    state = checkpoint.load(job.folder / "checkpoint/000000004.pt")
    assert state.keys() >= checkpoint.KEYS
    del state["sittings"]
    checkpoint.save(job.folder / "checkpoint", state | told | {"devices": ["A CPU, 1 threads", "B"], "seconds": 7.0})
    sit(job)
    assert (job.folder / "weights.safetensors").read_bytes() == (whole.folder / "weights.safetensors").read_bytes()
    result = training_result(job, "w")
    first, last = result.sittings
    assert first == SittingResult(
        device="A CPU, threads: 1; B", processes=told.get("processes", 1), micro_batch=told.get("micro_batch"),
        steps=4, seconds=7.0, harness=None, commit=None,
    )  # fmt: skip
    assert (last.steps, last.micro_batch, last.processes) == (5, None, 1)
    assert result.seconds == 7.0 + last.seconds
    assert (result.micro_batch, result.processes) == (told.get("micro_batch"), told.get("processes", 1))
    assert result.devices[:2] == ("A CPU, 1 threads", "B")
    assert len(result.devices) == 3


def test_what_was_spent_is_read_without_the_tensors(root: Path, tmp_path: Path) -> None:
    job = make_job(root, tmp_path / "cell")
    folder = job.folder / "checkpoint"
    assert spent_so_far(folder, job.spec.hash) == Spent()
    sit(job, leave_after=4)
    state = checkpoint.load(folder / "000000004.pt")
    spent = spent_so_far(folder, job.spec.hash)
    assert [s.model_dump() for s in spent.sittings] == state["sittings"]
    assert (spent.seconds, spent.peak_memory_mib) == (state["seconds"], state["peak_memory_mib"])
    assert spent_so_far(folder, "another") == Spent()
    whole = (folder / "000000004.pt").read_bytes()
    (folder / "000000004.pt").write_bytes(whole[: len(whole) // 2])
    assert spent_so_far(folder, job.spec.hash) == Spent()
