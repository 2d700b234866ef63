"""What version 0.4.0 left behind is read, keeps its name, and is gone on from.

tests/golden/0.4.0 is a cell of `matrix` on `write_data`, run by that version: its spec, result, log and the checkpoint
of its fourth step out of six, which is compressed.
"""

from __future__ import annotations

import gzip
import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_matrix import Notes

from harness.cli.repeat import repetition
from harness.matrix.data import prepare_data
from harness.matrix.job import run_order
from harness.matrix.order import CellOrder, DataCopy, Resources
from harness.matrix.timings import timing_of
from harness.spec import CellResult, CellSpec
from harness.store import CellFolder, Store
from harness.train import checkpoint

TOP = Path(__file__).parents[3]
GOLDEN = TOP / "tests/golden/0.4.0"
FIRST_RUN = sorted((TOP / "results/measured/first-run").glob("*.json"))
HASH = "c2e787734835"


def write_data(root: Path) -> Path:
    """The data set that the cell was made on: the same bytes, so that it is the same cell."""
    draw = np.random.default_rng(40)
    for sequence, scans in {"00": 4, "08": 1}.items():
        folder = root / "sequences" / sequence
        for name in ("velodyne", "labels"):
            (folder / name).mkdir(parents=True)
        for scan in range(scans):
            cloud = draw.random((120, 4)) * [160, 160, 4, 1] - [80, 80, 2, 0]
            cloud.astype("<f4").tofile(folder / f"velodyne/{scan:06d}.bin")
            labels = np.array([0, 10, 40, 48, 50, 70], "<u4")[(draw.random(120) * 6).astype(int)]
            labels.tofile(folder / f"labels/{scan:06d}.label")
        pose = "1 0 0 0 0 1 0 0 0 0 1 0\n"
        (folder / "poses.txt").write_text(pose * scans)
        (folder / "calib.txt").write_text("Tr: " + pose)
    (root / "synthetic.json").write_text(json.dumps({"seed": 0, "sequences": {"00": 4, "08": 1}}))
    return root


def golden_result() -> CellResult:
    return CellResult.model_validate_json((GOLDEN / "result.json").read_bytes())


@pytest.fixture
def old(tmp_path: Path) -> CellFolder:
    """The cell in a store, killed by its fourth step; without the files that its version did not write."""
    spec = CellSpec.model_validate_json((GOLDEN / "spec.json").read_bytes())
    folder = CellFolder(tmp_path / "runs/store" / spec.cell)
    folder.checkpoints.mkdir(parents=True)
    shutil.copy(GOLDEN / "spec.json", folder.path)
    shutil.copy(GOLDEN / "000000004.sha256", folder.checkpoints)
    (folder.checkpoints / "000000004.pt").write_bytes(gzip.decompress((GOLDEN / "000000004.pt.gz").read_bytes()))
    rows = (GOLDEN / "metrics.jsonl").read_text().splitlines(keepends=True)
    folder.metrics.write_text("".join(rows[:5]))
    return folder


def test_a_spec_keeps_its_name(old: CellFolder) -> None:
    assert old.spec().hash == HASH
    assert golden_result().spec == old.spec()
    assert old.cell == f"{HASH}-semantickitti-spvnas-w0.03125-teacher-s0"


def test_its_result_is_read_by_all_that_read_results(old: CellFolder) -> None:
    result = golden_result()
    old.write_result(result)
    assert old.result() == result
    assert result.training is not None
    assert (result.training.sittings, result.training.processes, result.training.micro_batch) == ((), 1, None)
    [sitting] = result.training.known_sittings()
    assert (sitting.steps, sitting.seconds, sitting.harness) == (6, result.training.seconds, None)
    timing = timing_of(result, {})
    assert timing is not None
    assert timing.train_s == result.training.seconds / 12
    assert repetition(old, result).command is None
    (old.path / "repeat.yaml").write_text("")
    (old.path / "location.json").write_text('{"root": "/data"}')
    said = repetition(old, result)
    assert str(said.command).startswith("OMP_NUM_THREADS=1 harness run")
    assert said.conditions[0].startswith("Bit for bit the same weights with harness 0.4.0, engine portable")


@pytest.mark.parametrize("path", FIRST_RUN, ids=lambda path: path.stem)
def test_results_of_the_first_release_are_read(path: Path) -> None:
    result = CellResult.model_validate_json(path.read_bytes())
    assert result.training is not None
    [sitting] = result.training.known_sittings()
    assert sitting.device.endswith(", threads: 1")
    assert result.repeatable()["training"]["weights_sha256"] == result.training.weights_sha256


def test_its_checkpoint_is_gone_on_from_as_it_would_have_itself(old: CellFolder, tmp_path: Path) -> None:
    """The data are found to be the same, and the last two steps have the losses that they had."""
    state = checkpoint.load(old.checkpoints / "000000004.pt")
    assert "sittings" not in state
    store, copy, notes = Store(tmp_path / "runs"), DataCopy("semantickitti", write_data(tmp_path / "data")), Notes()
    assert prepare_data(copy, store.path, 0).spec == old.spec().dataset
    order = CellOrder(store.out, HASH, None, copy, Resources(torch.device("cpu")))
    assert run_order(order, notes) == "done"
    result = old.result()
    assert result is not None
    assert (result.status, result.reason) == ("finished", None)
    assert "Resumed at step 4." in notes.notes
    assert notes.steps == 2
    for row, golden in zip(*(_rows(path) for path in (old.metrics, GOLDEN / "metrics.jsonl")), strict=True):
        assert (row["step"], row["epoch"], row["lr"]) == (golden["step"], golden["epoch"], golden["lr"])
        assert row["terms"] == pytest.approx(golden["terms"], rel=1e-3), "another CPU rounds otherwise"
    assert result.training is not None
    before, now = result.training.sittings
    assert (before.steps, before.seconds, before.harness) == (4, state["seconds"], None)
    assert now.steps == 2
    there = golden_result()
    assert result.parameters == there.parameters
    assert result.macs is not None
    assert there.macs is not None
    told = there.macs.model_dump(exclude_unset=True)
    assert result.macs.model_dump(include=set(told)) == told
    (old.path / "repeat.yaml").write_text("")
    store.add(old.spec(), copy.root)
    assert "different versions (one before 0.5, then harness" in " ".join(repetition(old, result).conditions)
    same = replace(order, resources=Resources(torch.device("cpu"), workers=1))
    assert run_order(same, notes) == "done"
    assert notes.steps == 2, "it was finished"


def _rows(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()]
