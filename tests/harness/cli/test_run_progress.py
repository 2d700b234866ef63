"""How a run is shown: in a real terminal, and as lines where there is none."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest
from rich.console import Console
from terminal import run_in_terminal, without_escapes

from harness.cli.progress import RunProgress
from harness.store import Store

PROGRAM = """
import sys, time
from pathlib import Path
from rich.console import Console
from harness.cli import progress
from harness.cli.progress import RunProgress
from harness.matrix.progress import FileProgress
from harness.store import CellFolder, Store
from harness.train.loop import TrainingStep

progress.LIVE_SECONDS = progress.LINE_SECONDS = 0.05
store, cells = Store(Path(sys.argv[1])), ["0123456789ab-one-s0", "0123456789ac-two-s0"]
folders = [CellFolder(store.path / cell) for cell in cells]
with RunProgress(Console(soft_wrap=True)) as shown:
    shown.phase("synthesise streets", 1, 3)
    time.sleep(0.3)
    shown.phase("synthesise streets", 3, 3)
    shown.note("Made.")
with RunProgress(Console(soft_wrap=True), store, cells) as shown:
    for folder in folders:
        folder.path.mkdir(parents=True)
        with folder.lock(), FileProgress(folder, shown) as told:
            told.cell(folder.cell, 1, 2)
            for step in range(1, 4):
                told.step(TrainingStep(epoch=0, step=step, steps=3, scans=2, terms={"ce": 2.5}))
                time.sleep(float(sys.argv[2]))
            told.note("It went well.")
            (folder.path / "spec.json").write_text("{}")
print("end")
"""


@pytest.fixture
def program(tmp_path: Path) -> list[str]:
    """A run of two cells that are pending again when they end, as interrupted ones."""
    path = tmp_path / "program.py"
    path.write_text(PROGRAM)
    return [str(path), str(tmp_path / "runs"), "0.2"]


def test_a_terminal_has_a_table_that_goes_when_the_run_ends(program: list[str]) -> None:
    text, code = run_in_terminal(program)
    assert code == 0, text
    assert "synthesise streets  1/3" in text
    assert re.search(r"one-s0 +running +train +1 +[\d.]* +2\.50", without_escapes(text))
    assert "\x1b[36m" in text or "36m" in text, "in colour"
    assert "0 of 2 finished, 1 running" in text
    *_, last = re.split(r"0 of 2 finished", text)
    assert "\x1b[2K" in last, "the table is wiped off"
    assert text.count("one-s0: It went well.") == 1
    assert text.rindex("\x1b[?25h") > text.rindex("\x1b[?25l"), "the cursor is back"
    assert text.endswith("end\r\n")


def test_ctrl_c_leaves_a_terminal_as_it_was(program: list[str]) -> None:
    text, code = run_in_terminal([*program[:2], "60"], interrupt_at="1 running")
    assert code != 0
    assert "KeyboardInterrupt" in text
    assert text.rindex("\x1b[?25h") > text.rindex("\x1b[?25l")


def test_a_narrow_terminal_has_a_narrow_table(program: list[str]) -> None:
    text, code = run_in_terminal(program, size=(30, 6))
    assert code == 0
    tables = [line for line in without_escapes(text).splitlines() if "running" in line or "finished" in line]
    assert tables
    assert max(len(line.split("\r")[-1]) for line in tables if "ab-one" not in line) <= 30


def test_no_color_means_none(program: list[str]) -> None:
    text, code = run_in_terminal(program, NO_COLOR="1")
    assert code == 0
    assert "1 running" in text
    assert not [styles for styles in re.findall(r"\x1b\[([0-9;]+)m", text) if re.search(r"\b[349]\d\b", styles)]


def test_a_terminal_that_can_not_move_its_cursor_has_lines(program: list[str]) -> None:
    text, code = run_in_terminal(program, TERM="dumb")
    assert code == 0
    assert "\x1b" not in text
    assert "running   0123456789ab-one-s0  train  1/3  epoch 1  loss 2.50" in text
    assert "pending   0123456789ab-one-s0" in text
    assert text.count("running   0123456789ab-one-s0  train") == 1, "at most one line in 30 seconds"


def test_without_a_terminal_a_run_is_a_few_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.cli.progress.LINE_SECONDS", 0.02)
    text, store = io.StringIO(), Store(tmp_path)
    (tmp_path / "store/0123456789ab-one").mkdir(parents=True)
    with RunProgress(Console(file=text, width=40), store, ["0123456789ab-one"]) as shown:
        shown.phase("evaluate", 1, 3)
        shown.note("failed: a long reason " + "x" * 60)
        (tmp_path / "store/0123456789ab-one/events.jsonl").write_text(
            '{"time": "2026-01-01T00:00:00+0000", "event": "killed", "reason": "a long reason ' + "x" * 60 + '"}\n'
        )
    assert text.getvalue().splitlines() == [
        "    failed: a long reason " + "x" * 60,
        "[1/1] failed    0123456789ab-one",
    ]


def test_before_its_cells_are_known_a_run_names_them_as_they_come() -> None:
    text = io.StringIO()
    with RunProgress(Console(file=text)) as shown:
        shown.cell("one", 1, 4)
    assert text.getvalue() == "[1/4] one\n"
