"""Executors by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import HarnessError
from harness.matrix.executors import build_executor
from harness.matrix.executors.debug import DebugExecutor
from harness.matrix.executors.local import LocalExecutor
from harness.matrix.executors.slurm import SlurmExecutor


def test_an_executor_has_its_logs_below_the_run(tmp_path: Path) -> None:
    local = build_executor("local", tmp_path, jobs=3)
    assert isinstance(local, LocalExecutor)
    assert (local.folder, local.jobs) == (tmp_path / "jobs", 3)
    assert isinstance(build_executor("debug", tmp_path), DebugExecutor)
    slurm = build_executor("slurm", tmp_path, slurm=("partition=gpu", "time=60"))
    assert isinstance(slurm, SlurmExecutor)
    assert (slurm.folder, slurm.settings.partition, slurm.settings.time) == (tmp_path / "jobs", "gpu", 60)


def test_settings_of_another_executor_are_refused(tmp_path: Path) -> None:
    with pytest.raises(HarnessError, match="--jobs: found 2 with --executor debug; expected --executor local"):
        build_executor("debug", tmp_path, jobs=2)
    with pytest.raises(HarnessError, match="--slurm: found time=60 with --executor local; expected --executor slurm"):
        build_executor("local", tmp_path, slurm=("time=60",))
