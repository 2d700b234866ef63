"""`harness show` on cells written by hand: a cell in training, one that has not begun, and one that failed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.config.models import BackboneConfig, MethodConfig
from harness.config.resolve import resolve_backbone, resolve_method
from harness.metrics import MetricsLog
from harness.spec import CellResult, CellSpec, DatasetSpec, RecipeSpec
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


def test_a_failed_cell_shows_its_reason_and_its_curves(cell: CellFolder, harness, tmp_path: Path) -> None:
    train(cell)
    reason = "epoch 2, step 21, scan 00/000001: found term 'hint' = nan"
    cell.write_result(CellResult(spec=cell.spec(), status="failed", reason=reason))
    out = harness("show", "--out", tmp_path / "runs", "logit_kd").out
    assert f"  failed: {reason}" in out
    assert "cross_entropy" in out
