"""The whole way, from a matrix file to table, archive and pictures, and back through every verb that reads a store."""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from backbones.sparse.engine import EngineError, get_engine

MATRIX = """
dataset: {name: semantickitti, synthetic: {scans: 4, azimuths: 64, seed: 1}}
backbones: [{teacher_width: 0.125, student_width: 0.0625, voxel_size_m: 1.0}]
methods: [none, logit_kd, pvd]
recipe: {epochs: 3, batch_size: 1, optimizer: adam, learning_rate: 0.01}
measure: {macs_scans: 1, latency_scans: 1, latency_passes: 1}
submission: pvd
"""


def start(matrix: Path, out: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "harness", "run", "--matrix", str(matrix), "--out", str(out)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A finished run: its --out and what it printed."""
    folder = tmp_path_factory.mktemp("run")
    matrix = folder / "tiny.yaml"
    matrix.write_text(MATRIX)
    process = start(matrix, folder / "runs")
    printed, _ = process.communicate()
    assert process.returncode == 0, printed
    return folder / "runs", printed


def test_a_run_ends_with_its_table_and_the_paths_of_what_it_wrote(finished: tuple[Path, str]) -> None:
    out, printed = finished
    for row in ("teacher 0.125×", "student 0.0625×", "logit\\_kd", "pvd", "synthetic streets"):
        assert row in printed
    paths = [Path(line) for line in printed.splitlines() if line.startswith(str(out / "tiny"))]
    [curves] = [path for path in paths if path.is_dir()]
    assert len(list(curves.glob("*.png"))) == 4
    assert {path.suffix for path in paths} == {".md", ".tex", ".csv", ".json", ".zip", ".png", ""}
    assert all(path.stat().st_size > 0 for path in paths)
    assert (out / "tiny/matrix.yaml").exists()


def test_cells_tables_and_show_read_the_store(finished: tuple[Path, str], harness) -> None:
    out, _ = finished
    cells = json.loads(harness("ls", "cells", "--out", out, "--json").out)
    assert [cell["status"] for cell in cells] == ["finished"] * 4
    records = json.loads(harness("tables", "--out", out, "--json").out)
    by_method = {(record["role"], record["method"]): record for record in records}
    assert set(by_method) == {("teacher", "none"), ("student", "none"), ("student", "logit_kd"), ("student", "pvd")}
    plain, pvd = by_method["student", "none"], by_method["student", "pvd"]
    assert pvd["delta_mean"] == pytest.approx(pvd["miou_mean"] - plain["miou_mean"])
    assert pvd["synthetic"]
    assert not pvd["partial"]
    assert r"\toprule" in harness("tables", "--out", out, "--format", "latex").out
    assert len(list(csv.DictReader(harness("tables", "--out", out, "--format", "csv").out.splitlines()))) == 4
    assert "traffic-sign" in harness("tables", "--out", out, "--classes").out
    assert "Codes-for-PVKD" in harness("tables", "--out", out, "--published").out
    shown = harness("show", "--out", out, "pvd").out
    assert "voxel_affinity" in shown
    assert "mIoU" in shown
    assert json.loads(harness("show", "--out", out, "pvd", "--json").out)["result"]["status"] == "finished"


def test_a_damaged_log_takes_away_its_curves_and_nothing_else(finished: tuple[Path, str], tmp_path: Path) -> None:
    out = tmp_path / "runs"
    shutil.copytree(finished[0], out)
    [log] = (out / "store").glob("*-pvd-s0/metrics.jsonl")
    log.write_text("garbage\n" + log.read_text())
    process = start(finished[0].parent / "tiny.yaml", out)
    printed, _ = process.communicate()
    assert process.returncode == 0, printed
    assert "### Accuracy and cost" in printed
    assert "no curves of " in printed
    assert ".zip" in printed


def test_a_dry_run_lists_cells_and_runs_none(finished: tuple[Path, str], harness) -> None:
    out, _ = finished
    arguments = ("run", "--matrix", out.parent / "tiny.yaml", "--out", out, "--dry-run")
    before = sorted(path.name for path in (out / "store").iterdir())
    plan = json.loads(harness(*arguments, "--json").out)
    assert [cell["status"] for cell in plan["cells"]] == ["finished"] * 4
    assert (plan["totals"]["finished"], plan["totals"]["device_hours"]) == (4, 0)
    plan = json.loads(harness(*arguments, "--json", "--only", "*pvd*", "--seeds", "0,7").out)
    assert [(cell["name"].rsplit("-", 2)[1:], cell["status"]) for cell in plan["cells"]] == [
        (["teacher", "s0"], "finished"),
        (["teacher", "s7"], "pending"),
        (["pvd", "s0"], "finished"),
        (["pvd", "s7"], "pending"),
    ]
    lines = harness(*arguments, "--seeds", "0,7").out.splitlines()
    assert [line.split()[:3] for line in lines[2:6]] == [
        ["teacher", "0.125×", "for"],
        ["none", "0.0625×", "1"],
        ["logit_kd", "0.0625×", "1"],
        ["pvd", "0.0625×", "1"],
    ]
    assert all("1 done, 1 pending" in line for line in lines[2:6])
    assert sorted(path.name for path in (out / "store").iterdir()) == before
    for wrong in (("--only", "fitnets"), ("--seeds", "a"), ("--engine", "spcnov")):
        assert harness(*arguments, *wrong).code == 2


def test_the_archive_holds_a_label_for_every_point_and_repeats_byte_for_byte(
    finished: tuple[Path, str], harness, tmp_path: Path
) -> None:
    out, _ = finished
    archives = [tmp_path / "one.zip", tmp_path / "two.zip"]
    for archive in archives:
        result = harness("submit", "semantickitti", "--out", out, "pvd", "--zip", archive, "--json")
        assert result.code == 0
        assert json.loads(result.out)["scans"] == 1
    assert archives[0].read_bytes() == archives[1].read_bytes()
    [shipped] = (out / "tiny/submissions").glob("*.zip")
    assert shipped.read_bytes() == archives[0].read_bytes()
    scan = next(out.glob("data/*/sequences/11/velodyne/000000.bin"))
    with zipfile.ZipFile(shipped) as archive:
        assert "sequences/11/predictions/" in archive.namelist()
        labels = np.frombuffer(archive.read("sequences/11/predictions/000000.label"), dtype="<u4")
    assert len(labels) == scan.stat().st_size // 16
    assert set(labels.tolist()) <= {10, 11, 15, 18, 20, 30, 31, 32, 40, 44, 48, 49, 50, 51, 70, 71, 72, 80, 81}


def test_the_score_of_a_cell_is_that_of_its_exported_labels(
    finished: tuple[Path, str], harness, tmp_path: Path
) -> None:
    """Two ways to one number: the confusion matrix of the run, and `evaluate` on the labels that were written."""
    out, _ = finished
    archive = tmp_path / "val.zip"
    assert harness("submit", "semantickitti", "--out", out, "pvd", "--split", "val", "--zip", archive).code == 0
    with zipfile.ZipFile(archive) as opened:
        opened.extractall(tmp_path / "predictions")
    root = next(out.glob("data/*"))
    scores = json.loads(
        harness("evaluate", "--predictions", tmp_path / "predictions", "--semantickitti", root, "--json").out
    )
    result = json.loads(harness("show", "--out", out, "pvd", "--json").out)["result"]
    assert scores["miou"] == result["score"]["miou"]
    assert scores["iou"] == result["score"]["iou"]
    assert scores["confusion"] == result["score"]["confusion"]


@pytest.mark.engine
def test_an_engine_that_lacks_a_layer_is_refused_before_any_data_is_made(harness, tmp_path: Path) -> None:
    try:
        get_engine("minkowski")
    except EngineError as error:
        pytest.skip(str(error))
    matrix = tmp_path / "cylinder.yaml"
    matrix.write_text(MATRIX.replace("backbones: [", "backbones: [{name: cylinder3d}, "))
    result = harness("run", "--matrix", matrix, "--engine", "minkowski", "--out", tmp_path / "runs")
    assert result.code == 2
    assert "backbones.0: found cylinder3d on the engine 'minkowski'" in result.err
    assert not (tmp_path / "runs").exists()
