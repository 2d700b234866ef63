"""The command that `harness show` prints for a cell trains the same bytes, from a shell in another folder."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from harness.spec import CellResult
from harness.store import CellFolder, Store

TOP = Path(__file__).parents[3]
MATRIX = """
dataset: {name: semantickitti, synthetic: {scans: 4, azimuths: 64, seed: 1}}
backbones: [{teacher_width: 0.125, student_width: 0.0625, voxel_size_m: 1.0}]
methods: [none, pvd]
seeds: [0, 3]
recipe: {epochs: 2, batch_size: 1, optimizer: adam, learning_rate: 0.01}
measure: {macs_scans: 1, latency_scans: 1, latency_passes: 1}
"""


@pytest.fixture
def shell(tmp_path: Path) -> dict[str, str]:
    """An environment in which `harness` is a command, as after an installation."""
    folder = tmp_path / "bin"
    folder.mkdir()
    script = folder / "harness"
    script.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m harness "$@"\n')
    script.chmod(0o755)
    path = os.pathsep.join([str(folder), os.environ["PATH"]])
    return {**os.environ, "PATH": path, "PYTHONPATH": str(TOP), "OMP_NUM_THREADS": "1"}


def sh(command: str, folder: Path, environment: dict[str, str]) -> str:
    done = subprocess.run(command, shell=True, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def finished(folder: CellFolder) -> CellResult:
    result = folder.result()
    assert result is not None
    assert result.status == "finished", result.reason
    return result


def test_the_printed_command_repeats_a_cell_byte_for_byte(harness, tmp_path: Path, shell: dict[str, str]) -> None:
    here, there = tmp_path / "one's own folder", tmp_path / "elsewhere"
    here.mkdir()
    there.mkdir()
    (here / "tiny.yaml").write_text(MATRIX)
    sh("harness run --matrix tiny.yaml --out runs --only '*pvd-s3'", here, shell)
    command = json.loads(harness("show", "--out", here / "runs", "pvd", "--json").out)["repeat"]["command"]
    assert f"\n    {command}\n" in harness("show", "--out", here / "runs", "pvd").out
    sh(command, there, shell)
    one = Store(here / "runs").find("pvd")
    two = Store(there / shlex.split(command)[-1]).find("pvd")
    assert two.cell == one.cell
    weights = [(folder.path / "weights.safetensors").read_bytes() for folder in (one, two)]
    assert weights[0] == weights[1]
    assert finished(one).repeatable() == finished(two).repeatable()
    assert len(Store(two.path.parents[1]).cells()) == 2, "the cell and its teacher, and nothing else"
