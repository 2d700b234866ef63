"""SIGKILL at twenty moments of a run, the same command after each: every byte is that of an undisturbed run."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.store import Store

SCRIPT = Path(__file__).parents[3] / "ci" / "kill_matrix.py"
KILLS = 20
MATRIX = """
backbones: [{teacher_width: 0.125, student_width: 0.0625, voxel_size_m: 4.0}]
methods: [fitnets, pvd]
seeds: [0, 1]
recipe: {epochs: 3, batch_size: 1, optimizer: adam, learning_rate: 0.01}
measure: {macs_scans: 1, latency_scans: 0}
engine: portable
submission: pvd
"""
EXACT = ("weights.safetensors", "metrics.jsonl", "spec.json")


@pytest.fixture
def both(write_sequences: Callable[..., Path], tmp_path: Path) -> tuple[Path, Path, list[str]]:
    """Where an undisturbed run and one that was killed have ended, and the moments of the kills."""
    root, matrix = write_sequences({"00": 3, "08": 1, "11": 1}, points=200), tmp_path / "tiny.yaml"
    matrix.write_text(MATRIX)
    command = [sys.executable, str(SCRIPT), str(tmp_path / "runs"), "--kills", str(KILLS), "--matrix", str(matrix)]
    ended = subprocess.run([*command, "--", "--semantickitti", str(root)], capture_output=True, text=True)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    moments = re.findall(r"^ *\d+  +\d+ of 54 steps  (.*)$", ended.stdout, flags=re.MULTILINE)
    assert f"{KILLS} kills" in ended.stdout
    return tmp_path / "runs/whole", tmp_path / "runs/killed", moments


def files(folder: Path) -> dict[str, bytes]:
    """The content of all files that a run has finished in a folder."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.suffix != ".tmp"
    }


def test_a_run_that_is_killed_again_and_again_ends_as_one_that_is_not(both: tuple[Path, Path, list[str]]) -> None:
    """Weights, logs, results but for times and memory, tables, curves, archive and pictures."""
    whole, killed, moments = both
    assert len(moments) == KILLS
    half = [moment for moment in moments if moment.startswith("half a file")]
    assert sum(bool(re.search(r"checkpoint/\d+\.pt", moment)) for moment in half) >= 3, moments
    assert sum("result.json" in moment or "weights.safetensors" in moment for moment in half) >= 2, moments
    assert sum("some time" in moment for moment in moments) >= 3, moments
    cells = Store(whole).cells()
    assert [cell.cell for cell in cells] == [cell.cell for cell in Store(killed).cells()]
    assert len(cells) == 6
    resumed = 0
    for cell in cells:
        other = killed / "store" / cell.cell
        for name in EXACT:
            assert (cell.path / name).read_bytes() == (other / name).read_bytes(), f"{cell.cell}/{name}"
        assert not list(other.rglob(".*.pt.*")), "nothing large is left of the killed"
        resumed += (other / "events.jsonl").read_text().count('"resumed"')
    assert resumed >= 3
    results = [[repeatable(cell.path) for cell in Store(out).cells()] for out in (whole, killed)]
    assert results[0] == results[1]
    assert files(whole / "tiny") == files(killed / "tiny")
    assert {"tables/table.md", "tables/table.csv", "tables/table.json"} < files(whole / "tiny").keys()


def repeatable(cell: Path) -> str:
    """What a result says but for times, memory and sittings."""
    record = json.loads((cell / "result.json").read_text())
    assert record["status"] == "finished"
    for name in ("seconds", "peak_memory_mib", "devices", "sittings"):
        del record["training"][name]
    del record["provenance"], record["latency"]
    return json.dumps(record)
