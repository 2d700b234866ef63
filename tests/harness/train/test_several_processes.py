"""Two processes on the CPU, against one that makes the same parts one after another."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from itertools import chain
from pathlib import Path

import numpy as np
import pytest
import two_processes
from safetensors.numpy import load_file

from harness.data.share import Share
from harness.train.loop import train, training_result
from harness.train.processes import ALONE
from harness.train.sitting import Sitting

PATIENCE_S = 240
LAUNCH = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five training scans and one for evaluation."""
    root, draw = tmp_path_factory.mktemp("data"), np.random.default_rng(7)
    for sequence, scans in {"00": 5, "08": 1}.items():
        folder = root / "sequences" / sequence
        for name in ("velodyne", "labels"):
            (folder / name).mkdir(parents=True)
        for scan in range(scans):
            points = np.hstack([draw.normal(0, 20, (300, 3)), draw.random((300, 1))]).astype("<f4")
            points.tofile(folder / f"velodyne/{scan:06d}.bin")
            draw.choice(np.array([0, 10, 40, 48, 50, 70], "<u4"), 300).tofile(folder / f"labels/{scan:06d}.label")
        pose = "1 0 0 0 0 1 0 0 0 0 1 0\n"
        (folder / "poses.txt").write_text(pose * scans)
        (folder / "calib.txt").write_text("Tr: " + pose)
    (root / "synthetic.json").write_text(json.dumps({"seed": 0, "sequences": {"00": 5, "08": 1}}))
    return root


@pytest.fixture(scope="module")
def together(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What two processes made."""
    out = tmp_path_factory.mktemp("together")
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = [*LAUNCH, str(Path(two_processes.__file__)), str(data), str(out)]
    run = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert run.returncode == 0, run.stderr
    return out


@pytest.fixture(scope="module")
def alone(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What one process made of the same parts."""
    out = tmp_path_factory.mktemp("alone")
    jobs = two_processes.jobs(data, out)
    for name, micro_batch in two_processes.MICRO_BATCH.items():
        train(jobs[name], lambda step: None, lambda note: None, Sitting(micro_batch))
    return out


def said(together: Path) -> list[dict]:
    return [json.loads((together / f"{rank}.json").read_text()) for rank in (0, 1)]


def logged(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("method", two_processes.MICRO_BATCH)
def test_every_step_has_the_losses_of_one_process_with_accumulation(together: Path, alone: Path, method: str) -> None:
    """Of five parts in a step the first process makes three, the second two, and nothing in the round that counts."""
    mine, theirs = logged(alone / method), logged(together / method)
    assert [row["step"] for row in theirs] == list(range(3 if method == two_processes.ROUNDS else 6))
    for one, two in zip(mine, theirs, strict=True):
        assert (one["step"], one["epoch"], one["lr"]) == (two["step"], two["epoch"], two["lr"])
        assert two["terms"] == pytest.approx(one["terms"], rel=1e-4)


@pytest.mark.parametrize("method", two_processes.MICRO_BATCH)
def test_weights_adapters_and_running_statistics_are_those_of_one_process(
    together: Path, alone: Path, method: str
) -> None:
    mine, theirs = (load_file(folder / method / "weights.safetensors") for folder in (alone, together))
    assert mine.keys() == theirs.keys()
    for name, values in mine.items():
        np.testing.assert_allclose(theirs[name], values, rtol=2e-3, atol=2e-4, err_msg=name)
    if method != "pvd":
        mine, theirs = (_adapters(folder / method) for folder in (alone, together))
        assert mine
        for name, values in mine.items():
            np.testing.assert_allclose(theirs[name], values, rtol=2e-3, atol=2e-4, err_msg=name)


def _adapters(folder: Path) -> dict[str, np.ndarray]:
    from harness.train import checkpoint

    state = checkpoint.load(max((folder / "checkpoint").glob("*.pt")))
    return {name: tensor.numpy() for name, tensor in state["method"].items()}


def test_the_scans_come_in_the_order_of_one_process(together: Path, data: Path) -> None:
    """Also where the last batch has fewer parts than there are processes."""
    scans = two_processes.jobs(data, together)["pvd"].scans
    first, second = (rank["order"] for rank in said(together))
    assert [None in parts for parts in second] == [False, True] * 3
    for step, batch in enumerate(chain.from_iterable(scans.epoch_batches(epoch, 3) for epoch in range(3))):
        parts = chain.from_iterable(zip(first[step], second[step], strict=True))
        assert [tuple(part) for part in parts if part] == [part.scan_ids for part in Share(2).parts(batch)]


def test_a_result_says_how_many_processes_there_were_and_how_many_scans_each_saw(together: Path, data: Path) -> None:
    result = training_result(two_processes.jobs(data, together)["pvd"], "w")
    assert (result.processes, result.micro_batch, result.steps) == (2, 2, 6)
    assert result.devices[0].startswith("2 processes of ")


def test_who_is_stopped_and_goes_on_has_the_very_same_weights(together: Path) -> None:
    """One of the processes was told, after an odd step; both left."""
    assert [rank["stopped"] for rank in said(together)] == ["after step 4 of 6"] * 2
    whole, cut = ((together / name / "weights.safetensors").read_bytes() for name in ("pvd", "cut"))
    assert whole == cut
    assert logged(together / "pvd") == logged(together / "cut")


def test_shards_count_every_scan_once(together: Path, data: Path) -> None:
    """Of five scans one process has three and the other two."""
    wanted = two_processes.counts(data, ALONE).tolist()
    assert [rank["counts"] for rank in said(together)] == [wanted, wanted]


def test_a_nan_on_one_process_ends_both_and_that_one_names_it(together: Path) -> None:
    faults = dict(rank["fault"] for rank in said(together))
    assert set(faults) == {"HarnessError", "FailedElsewhere"}
    assert "scan 00/000001: found term 'odd' = nan: the outputs are finite" in faults["HarnessError"]
    assert faults["FailedElsewhere"].endswith("a term that is not finite")


def test_one_process_goes_on_where_two_left_off_and_both_are_on_record(
    together: Path, data: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "pvd"
    shutil.copytree(together / "pvd", folder)
    for path in (folder / "checkpoint").glob("000000006.*"):
        path.unlink()
    job = two_processes.jobs(data, tmp_path)["pvd"]
    train(job, lambda step: None, lambda note: None, Sitting())
    result = training_result(job, "w")
    assert [(s.processes, s.micro_batch, s.steps) for s in result.sittings] == [(2, 2, 4), (1, None, 2)]
    assert result.sittings[0].device == result.sittings[1].device
    assert (result.processes, result.micro_batch) == (2, 2)
    np.testing.assert_allclose(result.seconds, sum(s.seconds for s in result.sittings))
