"""`harness show` on cells written by hand: a cell in training, one that has not begun, and one that failed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.config.models import BackboneConfig, MethodConfig
from harness.config.resolve import resolve_backbone, resolve_method
from harness.metrics import MetricsLog
from harness.progress import PROGRESS, CellProgress, ProgressFile
from harness.spec import CellResult, CellSpec, DatasetSpec, Provenance, RecipeSpec
from harness.store import CellFolder, Store


@pytest.fixture
def cell(tmp_path: Path) -> CellFolder:
    """A cell of the store ``<tmp_path>/runs`` without a step."""
    spec = CellSpec(
        role="student",
        dataset=DatasetSpec(
            name="semantickitti",
            manifest="m",
            label_map="l",
            synthetic=True,
            partial=False,
            scans={},
            official_scans={},
        ),
        backbone=resolve_backbone(BackboneConfig(name="minkowskinet"), 0.5, 19, "test"),
        method=resolve_method(MethodConfig(name="logit_kd"), "test"),
        recipe=RecipeSpec(epochs=2),
        seed=0,
        engine="portable",
    )
    return Store(tmp_path / "runs").add(spec, tmp_path)


def train(cell: CellFolder, steps: int = 20) -> None:
    """Log steps of two epochs; the hint is there in every fourth."""
    log = MetricsLog(cell.metrics)
    for step in range(steps):
        terms = {"cross_entropy": 3.0 / (step + 1), "attention_transfer.attention.of_stage.up4": 1e-5 * (step + 1)}
        log.append(step, step // 10, 0.24, terms | ({"hint": 900.0} if step % 4 == 1 else {}))


def test_the_course_of_every_term_is_shown(
    cell: CellFolder, harness, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train(cell)
    monkeypatch.setenv("COLUMNS", "120")
    result = harness("show", "--out", tmp_path / "runs", "logit_kd")
    assert result.code == 0
    lines = result.out.splitlines()
    [row] = [line.split() for line in lines if "attention_transfer" in line]
    assert row[0] == "attention_transfer.attention.of_stage.up4"
    assert (row[1][0], row[1][-1]) == ("▁", "█")
    assert row[2:] == ["1.00e-05", "2.00e-04", "1.00e-05", "2.00e-04"]
    assert any(line.split()[:2] == ["hint", "▁▁▁▁▁"] for line in lines), "in five steps, and not the last"
    assert "  20 steps in 2 epochs" in lines
    assert any(line.startswith("  learning rate") for line in lines)
    assert max(map(len, lines[lines.index("  20 steps in 2 epochs") :])) <= 120


def test_a_narrow_terminal_is_no_fault(
    cell: CellFolder, harness, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train(cell)
    monkeypatch.setenv("COLUMNS", "30")
    out = harness("show", "--out", tmp_path / "runs", "logit_kd").out
    assert "1.00e-05 → 2.00e-04 (1.00e-05 to 2.00e-04)" in out


def test_scripts_read_the_mean_of_each_term_over_each_epoch(cell: CellFolder, harness, tmp_path: Path) -> None:
    train(cell)
    record = json.loads(harness("show", "--out", tmp_path / "runs", "logit_kd", "--json").out)
    assert "png" not in record
    assert [(epoch["epoch"], epoch["steps"]) for epoch in record["curves"]] == [(0, 10), (1, 10)]
    first = record["curves"][0]["terms"]
    assert first["cross_entropy"] == pytest.approx(sum(3.0 / (step + 1) for step in range(10)) / 10)
    assert first["hint"] == pytest.approx(900.0)


def test_the_curves_are_drawn_into_a_file(cell: CellFolder, harness, tmp_path: Path) -> None:
    train(cell)
    path = tmp_path / "new/curves.png"
    result = harness("show", "--out", tmp_path / "runs", "logit_kd", "--png", path)
    assert result.code == 0
    assert result.out.endswith(f"picture: {path}\n")
    assert path.read_bytes().startswith(b"\x89PNG")
    record = json.loads(harness("show", "--out", tmp_path / "runs", "logit_kd", "--png", path, "--json").out)
    assert record["png"] == str(path)


def test_a_cell_that_has_not_begun_has_no_curves(cell: CellFolder, harness, tmp_path: Path) -> None:
    arguments = ("show", "--out", tmp_path / "runs", "logit_kd")
    assert "pending" in harness(*arguments).out
    assert json.loads(harness(*arguments, "--json").out)["curves"] == []
    result = harness(*arguments, "--png", tmp_path / "curves.png")
    assert result.code == 2
    assert "found no step in its log; expected a cell that has begun to train" in result.err
    assert not (tmp_path / "curves.png").exists()


def test_no_line_is_wider_than_the_terminal(
    cell: CellFolder, harness, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    lines = harness("show", "--out", tmp_path / "runs", "logit_kd").out.splitlines()
    assert "  recipe custom: 2 epochs of batch 2, seed 0" in lines
    [method] = [line for line in lines if line.startswith("  method")]
    assert method.startswith("  method logit_kd: temperature 4, ")
    assert max(map(len, lines[1 : lines.index("  no events yet")])) <= 60


def test_a_reason_moves_no_cursor(cell: CellFolder, harness, tmp_path: Path) -> None:
    cell.write_result(CellResult(spec=cell.spec(), status="failed", reason="found \x1b[2J\x00\u202e"))
    out = harness("show", "--out", tmp_path / "runs", "logit_kd").out
    assert all(character.isprintable() for character in out.replace("\n", ""))


def test_one_of_each_is_no_plural(cell: CellFolder, harness, tmp_path: Path) -> None:
    train(cell, steps=1)
    assert "  1 step in 1 epoch\n" in harness("show", "--out", tmp_path / "runs", "logit_kd").out


def test_a_failed_cell_shows_its_reason_and_its_curves(cell: CellFolder, harness, tmp_path: Path) -> None:
    train(cell)
    reason = "epoch 2, step 21, scan 00/000001: found term 'hint' = nan"
    cell.write_result(CellResult(spec=cell.spec(), status="failed", reason=reason))
    out = harness("show", "--out", tmp_path / "runs", "logit_kd").out
    assert f"  failed: {reason}" in out
    assert "cross_entropy" in out


def test_what_happened_to_a_cell_and_how_to_repeat_it_is_shown(cell: CellFolder, harness, tmp_path: Path) -> None:
    arguments = ("show", "--out", tmp_path / "runs", "logit_kd")
    assert "  no events yet\n  no command repeats it: no repeat.yaml" in harness(*arguments).out
    cell.event("started", device="cpu", processes=1)
    for step in (10, 20):
        cell.event("checkpoint", step=step, seconds=0.1)
    (cell.path / "repeat.yaml").write_text("")
    out = harness(*arguments).out
    assert "  started: device cpu, processes 1\n" in out
    assert "  2 checkpoints, the last at step 20, 0.1 s each\n" in out
    assert f"harness run --matrix {cell.path / 'repeat.yaml'} --only {cell.spec().hash} --semantickitti" in out
    record = json.loads(harness(*arguments, "--json").out)
    assert [event["event"] for event in record["events"]] == ["started", "checkpoint", "checkpoint"]
    assert record["repeat"]["command"].startswith("harness run --matrix ")
    assert record["progress"] is None


def test_a_running_cell_shows_how_far_it_is(cell: CellFolder, harness, tmp_path: Path) -> None:
    progress = CellProgress(phase="evaluate", done=3, total=9, seconds_left=75, time=0)
    ProgressFile(cell.path / PROGRESS).write(progress)
    arguments = ("show", "--out", tmp_path / "runs", "logit_kd")
    assert "evaluate" not in harness(*arguments).out
    with cell.lock():
        assert "running\n  evaluate  3/9  1:15 left\n" in harness(*arguments).out
        assert json.loads(harness(*arguments, "--json").out)["progress"]["done"] == 3


def test_where_a_result_comes_from_is_shown(cell: CellFolder, harness, tmp_path: Path) -> None:
    origin = Provenance(
        spec_hash="abc",
        manifest_hash="f" * 64,
        seeds={"student": 0, "teacher": 5},
        commit="1" * 40,
        dirty=True,
        packages={"torch": "2.9", "numpy": "2.0"},
        python="3.11.7",
        platform="Linux",
        device="A GPU",
        phase_seconds={"train": 7000.0, "evaluate": 200.0},
        wall_hours=2.0,
        device_hours=4.0,
        peak_memory_mib=900.0,
        disk_mib=12.25,
        preemptions=2,
        memory_retries=1,
    )
    cell.write_result(CellResult(spec=cell.spec(), status="failed", reason="so", provenance=origin))
    out = harness("show", "--out", tmp_path / "runs", "logit_kd").out
    told = out[out.index("  made by") :].splitlines()
    assert told[:7] == [
        "  made by commit 111111111111, with changes",
        "    spec abc, data ffffffffffff, seed of the student 0, seed of the teacher 5",
        "    torch 2.9, numpy 2.0",
        "    Python 3.11.7 on Linux, A GPU",
        "    2.0 h (train 1:56:40, evaluate 3:20), 4 device hours",
        "    peak 900 MiB of memory, 12.2 MiB on disk",
        "    pre-empted 2 times, short of memory once",
    ]
