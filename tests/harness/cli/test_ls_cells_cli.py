"""`harness ls cells`, once and with --watch, in a pipe and in a terminal."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from terminal import run_in_terminal, without_escapes

from harness.config.models import BackboneConfig, MethodConfig
from harness.config.resolve import resolve_backbone, resolve_method
from harness.progress import PROGRESS, CellProgress, ProgressFile
from harness.spec import CellResult, CellSpec, DatasetSpec, RecipeSpec
from harness.store import CellFolder, Store


@pytest.fixture
def folders(tmp_path: Path) -> list[CellFolder]:
    """Two cells of the store ``<tmp_path>/store``, the second one failed."""
    data = DatasetSpec(
        name="semantickitti", manifest="m", label_map="l", synthetic=True, partial=False, scans={}, official_scans={}
    )
    spec = CellSpec(
        role="student",
        dataset=data,
        backbone=resolve_backbone(BackboneConfig(name="minkowskinet"), 0.5, 19, "test"),
        method=resolve_method(MethodConfig(name="logit_kd"), "test"),
        recipe=RecipeSpec(epochs=2),
        seed=0,
        engine="portable",
    )
    made = [Store(tmp_path).add(spec.model_copy(update={"seed": seed}), tmp_path) for seed in (0, 1)]
    fail(made[1])
    return made


def fail(folder: CellFolder) -> None:
    folder.write_result(CellResult(spec=folder.spec(), status="failed", reason="no room left on the disk"))


def say(folder: CellFolder, done: int) -> None:
    facts = {"phase": "train", "total": 90, "epoch": 3, "scans_per_second": 2.0, "loss": 1.25, "seconds_left": 61}
    progress = CellProgress.model_validate({**facts, "done": done, "time": 1e10})
    ProgressFile(folder.path / PROGRESS).write(progress)


def test_a_running_cell_says_how_far_it_is(folders: list[CellFolder], harness, tmp_path: Path) -> None:
    assert "progress" not in harness("ls", "cells", "--out", tmp_path).out.splitlines()[0]
    with folders[0].lock():
        say(folders[0], 7)
        rows = json.loads(harness("ls", "cells", "--out", tmp_path, "--json").out)
        shown = harness("ls", "cells", "--out", tmp_path).out
    assert [row["status"] for row in rows] == ["running", "failed"]
    assert (rows[0]["phase"], rows[0]["epoch"], rows[0]["done"], rows[0]["seconds_left"]) == ("train", 3, 7, 61)
    assert rows[1]["reason"] == "no room left on the disk"
    assert rows[1]["phase"] is None
    assert "train  7/90  epoch 3  2.00 scans/s  loss 1.25  1:01 left" in shown
    assert shown.splitlines()[0].split() == ["cell", "status", "progress", "miou", "reason"]


def test_a_watch_ends_when_nothing_is_left_to_come(folders: list[CellFolder], harness, tmp_path: Path) -> None:
    fail(folders[0])
    result = harness("ls", "cells", "--out", tmp_path, "--watch", "--json")
    assert result.code == 0
    assert [json.loads(line)["status"] for line in result.out.splitlines()] == ["failed", "failed"]
    lines = harness("ls", "cells", "--out", tmp_path, "--watch").out.splitlines()
    assert lines == [f"failed    {folder.cell}  no room left on the disk" for folder in folders]


def test_a_watch_of_an_empty_store_does_not_wait(harness, tmp_path: Path) -> None:
    assert "harness run --matrix demo" in harness("ls", "cells", "--out", tmp_path, "--watch").out
    assert harness("ls", "cells", "--out", tmp_path, "--watch", "--interval", "0").code == 2


def test_a_terminal_shows_what_changes_until_the_end(folders: list[CellFolder], tmp_path: Path) -> None:
    def go_on(seen: str) -> None:
        if "logit_kd-s0" in seen and "pending" in seen:
            fail(folders[0])

    arguments = ["-m", "harness", "ls", "cells", "--out", str(tmp_path), "--watch", "--interval", "0.1"]
    text, code = run_in_terminal(arguments, (80, 24), meanwhile=go_on)
    assert code == 0, text
    assert "0 of 2 finished, 1 failed, 1 pending" in text
    assert "0 of 2 finished, 2 failed" in text
    assert text.rindex("\x1b[?25h") > text.rindex("\x1b[?25l")


def test_ctrl_c_is_the_usual_end_of_a_watch(folders: list[CellFolder], tmp_path: Path) -> None:
    arguments = ["-m", "harness", "ls", "cells", "--out", str(tmp_path), "--watch"]
    text, code = run_in_terminal(arguments, (60, 10), interrupt_at="1 pending")
    assert code == 0, text
    assert "Stopped" not in without_escapes(text)
    assert text.rindex("\x1b[?25h") > text.rindex("\x1b[?25l")
