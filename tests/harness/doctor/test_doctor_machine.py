from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
import torch

from harness.doctor.machine import GIB, inspect_disk, inspect_machine
from harness.doctor.torch_build import gpu_remedy, inspect_torch, parse_driver


def test_a_machine_has_cores_memory_and_disks(tmp_path: Path) -> None:
    machine = inspect_machine(tmp_path / "not" / "made")
    assert 1 <= machine.usable_cores <= machine.logical_cores
    assert machine.memory_gib > 0.5
    assert machine.available_gib is None or 0 < machine.available_gib <= machine.memory_gib
    assert machine.out.path == str(tmp_path / "not" / "made")
    assert not (tmp_path / "not").exists()
    assert machine.temporary.writable


def test_the_disk_of_a_folder_that_is_not_there_is_that_of_its_parent(tmp_path: Path) -> None:
    disk = inspect_disk(tmp_path / "a" / "b")
    assert disk.free_gib == pytest.approx(shutil.disk_usage(tmp_path).free / GIB, rel=0.01)
    assert disk.writable


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_the_right_to_write_is_seen(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    assert not inspect_disk(tmp_path / "a").writable


def test_torch_is_described_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    build = inspect_torch()
    assert (build.version, build.cuda, build.threads) == (
        torch.__version__,
        torch.version.cuda,
        torch.get_num_threads(),
    )
    assert build.omp_num_threads == "3"
    assert len(build.gpus) == torch.cuda.device_count()


@pytest.mark.parametrize(
    ("text", "version"),
    [
        (
            "NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.54.15  Tue Mar  5\nGCC version: gcc 12.2.0\n",
            "550.54.15",
        ),
        ("NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  570.86.15  Release Build\n", "570.86.15"),
        ("NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.183  Sun\n", "535.183"),
        ("something else\n", None),
    ],
)
def test_the_drivers_version_is_read_from_what_it_says(text: str, version: str | None) -> None:
    assert parse_driver(text) == version


def test_a_gpu_that_is_not_used_has_its_reason() -> None:
    assert gpu_remedy("12.8", "550.54.15", 1) is None
    assert gpu_remedy(None, None, 0) is None
    assert gpu_remedy("12.8", None, 0) is None
    assert "build without CUDA. Type: pip install torch" in str(gpu_remedy(None, "550.54.15", 0))
    assert "CUDA_VISIBLE_DEVICES" in str(gpu_remedy("12.8", "450.80", 0))
