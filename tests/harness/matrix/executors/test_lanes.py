"""How a machine is divided; the number of its GPUs is stated, since few machines have several."""

from __future__ import annotations

import os

import pytest
import torch

from harness.errors import HarnessError
from harness.matrix.executors.lanes import Lane, lanes
from harness.matrix.order import Resources

CPU, GPU = torch.device("cpu"), torch.device("cuda")


@pytest.fixture(autouse=True)
def six_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(6)))
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 5)


def test_a_cpu_runs_one_cell_unless_told_otherwise_and_shares_its_cores() -> None:
    assert lanes(Resources(CPU), None, 9) == [Lane((), 6)]
    assert lanes(Resources(CPU), 2, 9) == [Lane((), 3)] * 2
    assert lanes(Resources(CPU, processes=2), 2, 9) == [Lane((), 1)] * 2
    assert lanes(Resources(CPU), 100, 9) == [Lane((), 1)] * 9, "no more than there are cells"


def test_the_threads_that_a_user_sets_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "4")
    assert lanes(Resources(CPU), 2, 2) == [Lane((), None)] * 2


def test_every_cell_has_gpus_of_its_own() -> None:
    assert [lane.gpus for lane in lanes(Resources(GPU), None, 9)] == [(0,), (1,), (2,), (3,), (4,)]
    assert [lane.gpus for lane in lanes(Resources(GPU, processes=2), None, 9)] == [(0, 1), (2, 3)]
    assert [lane.gpus for lane in lanes(Resources(GPU), 2, 9)] == [(0,), (1,)]
    assert [lane.gpus for lane in lanes(Resources(torch.device("cuda:3")), None, 9)] == [(3,)]


def test_gpus_go_by_the_numbers_that_the_user_made_visible(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "7,4")
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert [lane.gpus for lane in lanes(Resources(GPU), None, 9)] == [(7,), (4,)]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "GPU-8a1f,GPU-77b2")
    with pytest.raises(HarnessError, match="numbers of GPUs"):
        lanes(Resources(GPU), None, 9)


@pytest.mark.parametrize(
    ("processes", "jobs", "words"), [(6, None, "6 for 5 GPUs"), (2, 3, "3 cells at once of 2 GPUs each")]
)
def test_too_few_gpus_are_said_before_anything_runs(processes: int, jobs: int | None, words: str) -> None:
    with pytest.raises(HarnessError, match=words):
        lanes(Resources(GPU, processes=processes), jobs, 9)
