"""Which copies `harness submit` takes for a leaderboard archive, with a network of the smallest size."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

MATRIX = """
backbones: [{teacher_width: 0.0625, student_width: 0.0625, voxel_size_m: 2.0}]
methods: [none]
recipe: {epochs: 1}
measure: {macs_scans: 1, latency_scans: 0}
"""


@pytest.fixture
def submit(harness, write_sequences, tmp_path: Path):
    """Train on a real copy of which most scans are missing; return a call that exports from it, with options."""
    root = write_sequences({"00": 1, "08": 1, "11": 2}, declared=False, points=300)
    matrix, out = tmp_path / "tiny.yaml", tmp_path / "runs"
    matrix.write_text(MATRIX)
    outcome = harness("run", "--matrix", matrix, "--out", out, "--semantickitti", root, "--partial", "--device", "cpu")
    assert outcome.code == 0, outcome.err
    return lambda *more: harness("submit", "semantickitti", "--out", out, "w0.0625-none", "--partial", *more)


def test_an_incomplete_real_copy_makes_no_leaderboard_archive(submit) -> None:
    outcome = submit("--json")
    assert outcome.code == 1
    findings = {finding["where"]: finding for finding in json.loads(outcome.out)["faults"]}
    assert len(findings) == 11
    assert all(finding["level"] == "error" for finding in findings.values())
    assert "2 scans, the test split has 921; the server needs all 20351" in findings["sequence 11"]["message"]
    assert "error: sequence 21: 0 scans, the test split has 2721" in submit().out


def test_a_rehearsal_is_warned_about_only(submit, tmp_path: Path) -> None:
    validation = submit("--split", "val")
    assert validation.code == 0
    assert "warning: scans: not for the server: checked against these scans (1 of sequence 08)" in validation.out
    declaration = {"seed": 0, "sequences": {"00": 1, "08": 1, "11": 2}}
    (tmp_path / "copy" / "synthetic.json").write_text(json.dumps(declaration))
    synthetic = submit("--json")
    assert synthetic.code == 0
    assert [finding["level"] for finding in json.loads(synthetic.out)["faults"]] == ["warning"]
