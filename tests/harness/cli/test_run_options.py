"""The options of `harness run`, on the store of one finished run over two data sets."""

from __future__ import annotations

import json
import shutil
import sys
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch

from harness.cli import main
from harness.matrix.budget_rule import RULE
from harness.matrix.executors import lanes
from harness.spec import CellResult
from harness.store import Store

MATRIX = """
datasets:
  - {name: semantickitti, synthetic: {scans: 4, azimuths: 64, seed: 1}}
  - {name: nuscenes, synthetic: {scans: 4, azimuths: 64, seed: 1}}
backbones: [{teacher_width: 0.125, student_width: 0.0625, voxel_size_m: 4.0}]
methods: [none]
recipe: {epochs: 1, batch_size: 2, optimizer: adam, learning_rate: 0.01}
measure: {macs_scans: 1, latency_scans: 1, latency_passes: 1}
submission: none
"""
ENOUGH_HOURS, TOO_LITTLE_HOURS = 1, 1e-7
PLAIN = "semantickitti-*none*"

Run = Callable[..., Any]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The --out of a finished run: `tiny.yaml` lies beside it."""
    folder = tmp_path_factory.mktemp("run")
    (folder / "tiny.yaml").write_text(MATRIX)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["harness", "run", "--matrix", f"{folder}/tiny.yaml", "--out", f"{folder}/runs"])
        main()
    return folder / "runs"


@pytest.fixture
def dry(finished: Path, harness: Run) -> Run:
    """Plan the matrix on the finished store."""
    return partial(harness, "run", "--matrix", finished.parent / "tiny.yaml", "--out", finished, "--dry-run")


@pytest.fixture
def out(finished: Path, tmp_path: Path) -> Path:
    """A copy of the finished store, to go on with."""
    return Path(shutil.copytree(finished, tmp_path / "runs"))


@pytest.fixture
def run(finished: Path, out: Path, harness: Run) -> Run:
    """Run the matrix on the copy."""
    return partial(harness, "run", "--matrix", finished.parent / "tiny.yaml", "--out", out)


@pytest.fixture
def no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """A login node."""
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)


def plan_of(outcome: Any) -> dict[str, Any]:
    assert outcome.code == 0, outcome.err
    plan: dict[str, Any] = json.loads(outcome.out)
    return plan


def results_of(out: Path, *seeds: int) -> list[CellResult]:
    """The results of the cells of some seeds."""
    results = [cell.result() for cell in Store(out).cells() if cell.spec().seed in seeds]
    return [result for result in results if result is not None]


def trained_on(out: Path, device: str) -> None:
    """Let all cells of a store say that they were trained on another device."""
    for cell in Store(out).cells():
        result = cell.result()
        assert result is not None
        assert result.training is not None
        training = result.training.model_copy(update={"devices": (device,)})
        cell.write_result(result.model_copy(update={"training": training}))


def test_both_data_sets_have_tables_and_the_one_with_a_server_its_archive(finished: Path) -> None:
    records = json.loads((finished / "tiny/tables/table.json").read_text())
    assert sorted((record["data"], record["role"]) for record in records) == [
        ("nuscenes", "student"), ("nuscenes", "teacher"), ("semantickitti", "student"), ("semantickitti", "teacher")
    ]  # fmt: skip
    [archive] = (finished / "tiny/submissions").glob("*.zip")
    assert "semantickitti" in archive.name
    assert zipfile.ZipFile(archive).testzip() is None
    assert sorted(path.name for path in (finished / "tiny/pictures").iterdir()) == ["predicted.png", "truth.png"]
    assert len(list((finished / "tiny/curves").glob("*.png"))) == 4


def test_a_local_run_runs_two_at_once_and_finds_its_own_timings_again(
    run: Run, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    place = ("--executor", "local", "--jobs", "2", "--only", "semantickitti-*")
    done = run(*place, "--seeds", "1")
    assert done.code == 0, done.err
    results = results_of(out, 1)
    assert [result.status for result in results] == ["finished"] * 2
    threads = f", threads: {lanes.threads_of_process(2, 1)}"
    assert all(result.training and result.training.devices[0].endswith(threads) for result in results)
    logs = {event["log"] for cell in Store(out).cells() for event in cell.events() if event["event"] == "submitted"}
    assert len(logs) == 2
    assert all(Path(log).exists() for log in logs)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 77)
    plan = plan_of(run(*place, "--dry-run", "--json", "--set", "seeds=[1, 2]"))
    assert plan["device"].endswith(threads)
    assert all("alike" in cell["basis"] for cell in plan["cells"] if cell["status"] == "pending")
    sums = plan["totals"]
    assert (sums["cells"], sums["finished"], sums["unknown"], sums["slots"]) == (4, 2, 0, 2)
    assert sums["device_hours"] / 2 <= sums["wall_hours"] < sums["device_hours"]
    alone = plan_of(run("--dry-run", "--json", "--seeds", "2"))
    assert alone["device"].endswith(", threads: 77")
    assert alone["totals"]["unknown"] == 4


def test_set_changes_the_matrix_and_its_cells(dry: Run) -> None:
    plan = plan_of(dry("--json", "--set", "recipe.epochs=2", "--set", "methods=[none, logit_kd]"))
    assert [cell["status"] for cell in plan["cells"]] == ["pending"] * 6
    assert plan_of(dry("--json", "--set", "recipe.epochs=1"))["totals"]["finished"] == 4


@pytest.mark.parametrize(
    "options, words",
    [
        (("--only", "fitnets"), "no cell of that name"),
        (("--processes", "2", "--set", "recipe.scans_per_epoch=1"), "has 1 scans"),
    ],
)
def test_what_the_cells_do_not_have_is_refused_once_they_are_known(
    dry: Run, options: tuple[str, ...], words: str
) -> None:
    result = dry(*options)
    assert result.code == 2
    assert words in result.err


@pytest.mark.usefixtures("no_gpu")
def test_a_cluster_has_gpus_that_this_machine_has_not(run: Run, out: Path) -> None:
    place = ("--executor", "slurm", "--device", "cuda", "--slurm", "array_parallelism=3")
    plan = plan_of(run(*place, "--seeds", "1", "--dry-run", "--json"))
    assert plan["device"] == "the cluster's GPUs (unknown here)"
    assert (plan["totals"]["unknown"], plan["totals"]["slots"]) == (4, 3)
    assert "No timing on the cluster's GPUs (unknown here)" in " ".join(
        run(*place, "--seeds", "1", "--dry-run").out.split()
    )
    refused = run(*place, "--seeds", "1", "--budget", "1", "--dry-run")
    assert refused.code == 2
    assert "on the cluster's GPUs" in refused.err
    trained_on(out, "Some GPU")
    plan = plan_of(run(*place, "--seeds", "1", "--budget", ENOUGH_HOURS, "--dry-run", "--json"))
    assert (plan["device"], plan["totals"]["unknown"]) == ("Some GPU", 0)
    assert "this store's cells on GPUs" in plan["device_note"]
    assert "Some GPU: what this store's" in run(*place, "--seeds", "1", "--dry-run").out


@pytest.mark.usefixtures("no_gpu")
def test_the_archive_of_a_cluster_is_predicted_on_what_is_here(run: Run, out: Path) -> None:
    shutil.rmtree(out / "tiny")
    done = run("--executor", "slurm", "--device", "cuda")
    assert done.code == 0, done.err + done.out
    assert len(list((out / "tiny/submissions").glob("*.zip"))) == 1
    assert (out / "tiny/pictures/predicted.png").exists()


def test_a_hash_names_a_cell(dry: Run) -> None:
    cells = plan_of(dry("--json"))["cells"]
    for cell in cells:
        [found] = plan_of(dry("--json", "--only", cell["hash"]))["cells"]
        assert found == cell


def test_a_budget_is_shown_with_what_it_takes_and_leaves_out(dry: Run) -> None:
    shown = dry("--seeds", "0,1", "--budget", ENOUGH_HOURS).out
    assert RULE in shown
    assert "left out" not in shown
    budget = plan_of(dry("--seeds", "0,1", "--budget", TOO_LITTLE_HOURS, "--json"))["budget"]
    assert (len(budget["taken"]), len(budget["left_out"]), budget["taken_hours"]) == (4, 4, 0)
    assert all("needs" in cell["reason"] for cell in budget["left_out"])


def test_a_budget_without_room_runs_nothing_says_so_and_has_done_what_was_asked(run: Run, out: Path) -> None:
    done = run("--seeds", "1", "--budget", TOO_LITTLE_HOURS)
    assert done.code == 0, done.err
    assert results_of(out, 1) == []
    last = done.out[done.out.index("4 cells were left out by the budget of 1e-07 device hours:") :].splitlines()
    assert len(last) == 6
    assert all("needs" in line for line in last[1:5])


def test_a_budget_asks_again_when_nobody_knew_the_hours(run: Run, out: Path) -> None:
    """A wider network, without a timing: the first cell starts, and has then used up more than there was."""
    wider = ("--set", "backbones.0.student_width=0.09", "--only", "*none*", "--budget", TOO_LITTLE_HOURS)
    done = run(*wider)
    assert done.code == 0, done.err
    widths = [cell.spec().backbone.width for cell in Store(out).cells() if cell.result() is not None]
    assert widths.count(0.09) == 1
    assert "1 cell was left out by the budget" in done.out


def test_a_micro_batch_is_told_of_in_the_result(run: Run, out: Path) -> None:
    assert run("--seeds", "1", "--only", PLAIN, "--micro-batch", "1").code == 0
    [result] = results_of(out, 1)
    assert result.training is not None
    assert result.training.micro_batch == 1
    assert all(r.training is not None and r.training.micro_batch is None for r in results_of(out, 0))


def test_processes_share_the_hours_of_a_cell(dry: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """A planned cell takes as many device hours, and less time."""
    monkeypatch.setenv("OMP_NUM_THREADS", str(torch.get_num_threads()))
    alone, shared = (plan_of(dry("--seeds", "1", "--processes", number, "--json"))["totals"] for number in (1, 2))
    assert shared["unknown"] == 0
    assert shared["device_hours"] == pytest.approx(alone["device_hours"])
    assert shared["wall_hours"] == pytest.approx(alone["wall_hours"] / 2)


def test_the_help_names_the_rule_of_the_budget(harness: Run) -> None:
    assert RULE in " ".join(harness("run", "--help").out.split())
