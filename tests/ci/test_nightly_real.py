"""ci/nightly.sh with the real harness, on a CPU."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from xml.etree import ElementTree

import pytest
from night_folder import SCRIPT, TOP, Night

TINY = """
dataset: {name: semantickitti, synthetic: {scans: 6, azimuths: 64, seed: 1}}
backbones: [{teacher_width: 0.0625, student_width: 0.03125, voxel_size_m: 2.0}]
methods: [none]
seeds: [0, 1]
recipe: {epochs: 2, batch_size: 2, optimizer: adam, learning_rate: 0.01}
measure: {macs_scans: 1, latency_scans: 0}
"""


@pytest.mark.slow
def test_nights_of_a_tiny_matrix_on_a_cpu(tmp_path: Path) -> None:
    """The first is killed and goes on to make the reference, another passes, and one changed count is found."""
    night = Night(tmp_path, f'#!/bin/sh\nexec "{sys.executable}" -m harness "$@"\n')
    night.env |= {"PYTHONPATH": str(TOP), "OMP_NUM_THREADS": "1"}
    matrix = tmp_path / "tiny.yaml"
    matrix.write_text(TINY)
    given = ["--matrix", matrix, "--reference", tmp_path / "ref", "--scans", 2, "--passes", 2, "--processes", 1]
    making = ["--out", night.out, *given, "--first-night", "--seeds", "0,1", "--without-unstable"]

    kill_while_it_trains([SCRIPT, *making], night)
    assert not (tmp_path / "ref").exists()
    first = night.run(*making)
    assert first.returncode == 0, first.stderr
    assert len(json.loads((tmp_path / "ref" / "reference.json").read_text())["cells"]) == 4

    second = night.run("--out", tmp_path / "second", *given, "--seeds", "0,1")
    kept = tmp_path / "second" / "artefacts"
    found = json.loads((kept / "gate" / "findings.json").read_text())["findings"]
    figures = {finding["figure"] for finding in found}
    verdicts = {figure: {f["verdict"] for f in found if f["figure"] == figure} for figure in figures}
    assert all(verdicts[figure] == {"pass"} for figure in ("mIoU", "parameters", "MACs", "sites", "pairs")), found
    assert verdicts["latency"] == {"new"}  # one process is no measurement that could be in a reference
    assert verdicts["peak memory of training"] <= {"pass", "better"}, found
    assert second.returncode == 0, second.stderr
    assert {path.name for path in kept.iterdir()} >= {
        "doctor.json",
        "machine.txt",
        "tables",
        "cells",
        "latency",
        "gate",
    }
    assert len(list((kept / "cells").iterdir())) == 4

    change_one_count(tmp_path / "ref")
    third = night.run("--out", tmp_path / "second", *given)
    assert third.returncode == 1
    assert "a figure is worse" in third.stderr
    suite = ElementTree.parse(kept / "gate" / "junit.xml").getroot()[0]
    failed = [case.get("name") for case in suite.iter("testcase") if case.find("failure") is not None]
    assert "MACs" in failed


def kill_while_it_trains(command: list[object], night: Night) -> None:
    """End the script and all that it started by SIGKILL as soon as a cell has made its first checkpoint."""
    process = subprocess.Popen(
        list(map(str, command)), env=night.env, cwd=night.folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        start_new_session=True,
    )  # fmt: skip
    for _ in range(3000):
        if any(night.out.glob("store/*/checkpoint/*.pt")):
            break
        assert process.poll() is None, "it ended before anything was trained"
        time.sleep(0.1)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def change_one_count(reference: Path) -> None:
    """Of all cells alike: a reference whose seeds differ in what they count is none."""
    for path in (reference / "cells").iterdir():
        result = json.loads(path.read_text())
        result["macs"]["macs"][0] += 1
        path.write_text(json.dumps(result))
