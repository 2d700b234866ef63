"""What `harness run` refuses before it makes or reads any data."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

MATRIX = """
dataset: {name: semantickitti, synthetic: {scans: 4, azimuths: 64, seed: 1}}
backbones: [{teacher_width: 0.125, student_width: 0.0625, voxel_size_m: 4.0}]
methods: [none]
recipe: {epochs: 1, batch_size: 2}
"""

Run = Callable[..., Any]


@pytest.fixture
def matrix(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.yaml"
    path.write_text(MATRIX)
    return path


@pytest.mark.parametrize(
    "options, words",
    [
        (("--set", "recipe.epoch=2"), "Did you mean 'epochs'"),
        (("--set", "recipe.epochs"), "KEY=VALUE"),
        (("--set", "backbones.4.student_width=1"), "an index from 0 to 0"),
        (("--json",), "--json is of --dry-run"),
        (("--jobs", "2"), "2 with --executor debug"),
        (("--slurm", "partition=gpu"), "--executor slurm"),
        (("--budget", "0"), "--budget"),
        (("--budget", "nan"), "--budget"),
        (("--processes", "3"), "a step of minkowskinet on semantickitti has 2 scans"),
        (("--device", "cuda:1", "--executor", "slurm"), "the GPUs that SLURM gives it"),
        (("--device", "cuda:x", "--executor", "slurm"), "the GPUs that SLURM gives it"),
    ],
)
def test_what_can_not_be_meant_is_refused_in_a_sentence(
    harness: Run, tmp_path: Path, matrix: Path, options: tuple[str, ...], words: str
) -> None:
    result = harness("run", "--matrix", matrix, "--out", tmp_path / "runs", *options)
    assert result.code == 2
    assert words in result.err
    assert not (tmp_path / "runs").exists(), "before any data is prepared"


@pytest.mark.parametrize("executor", ["debug", "local"])
@pytest.mark.parametrize(
    "options, words",
    [
        (("--device", "cuda:1", "--processes", "2"), "2 on the one GPU of --device cuda:1"),
        (("--device", "cuda", "--processes", "3"), "3 for 2 GPUs"),
    ],
)
def test_processes_need_a_gpu_each(
    harness: Run, matrix: Path, monkeypatch: pytest.MonkeyPatch, executor: str, options: tuple[str, ...], words: str
) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    result = harness(
        "run", "--matrix", matrix, "--set", "recipe.batch_size=4", "--executor", executor, "--dry-run", *options
    )
    assert result.code == 2
    assert words in result.err
