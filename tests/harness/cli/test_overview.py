"""How a cell stands, from the files and the lock of its folder."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest

from harness.cli.changes import Changes, row_line
from harness.cli.overview import CellRow, Overview
from harness.progress import PROGRESS, CellProgress, ProgressFile
from harness.spec import BackboneSpec, CellResult, CellSpec, DatasetSpec, MethodSpec, RecipeSpec
from harness.store import CellFolder, Store


@pytest.fixture
def folder(tmp_path: Path) -> CellFolder:
    data = DatasetSpec(
        name="semantickitti", manifest="m", label_map="l", synthetic=True, partial=False, scans={}, official_scans={}
    )
    spec = CellSpec(
        role="student",
        dataset=data,
        backbone=BackboneSpec(name="minkowskinet", width=0.5, voxel_size_m=0.05, classes=19),
        method=MethodSpec(name="pvd"),
        recipe=RecipeSpec(),
        seed=0,
        engine="portable",
    )
    return Store(tmp_path).add(spec, tmp_path)


def look(folder: CellFolder) -> CellRow:
    [row] = Overview(Store(folder.path.parents[1])).rows()
    return row


def say(folder: CellFolder, **changes: object) -> CellProgress:
    facts = {"phase": "train", "done": 1, "total": 9, "time": time.time()}
    progress = CellProgress.model_validate({**facts, **changes})
    ProgressFile(folder.path / PROGRESS).write(progress)
    return progress


def fail(folder: CellFolder, reason: str = "disk") -> None:
    folder.write_result(CellResult(spec=folder.spec(), status="failed", reason=reason))


def test_a_cell_that_is_not_there_yet_is_pending(tmp_path: Path) -> None:
    assert Overview(Store(tmp_path), ["ab-name"]).rows() == [CellRow("ab-name", "pending")]
    assert Overview(Store(tmp_path)).rows() == []


def test_only_a_locked_cell_runs_whatever_its_files_say(folder: CellFolder) -> None:
    said = say(folder)
    assert look(folder).status == "pending"
    with folder.lock():
        assert look(folder) == CellRow(folder.cell, "running", said)


def test_what_a_killed_sitting_said_is_not_shown_of_the_next(folder: CellFolder) -> None:
    say(folder, time=time.time() - 100)
    folder.event("started", device="cpu")
    with folder.lock():
        assert look(folder).progress is None
        said = say(folder, time=time.time() + 1)
        assert look(folder).progress == said


@pytest.mark.parametrize("executor, status", [("slurm", "queued"), ("local", "failed"), ("debug", "failed")])
def test_a_cluster_has_a_queue_that_outlives_its_run(folder: CellFolder, executor: str, status: str) -> None:
    fail(folder)
    folder.event("submitted", executor=executor, job="7")
    assert look(folder).status == status
    folder.event("started")
    assert look(folder).status == "failed"
    folder.event("preempted", job="7")
    assert look(folder).status == "queued"


def test_a_process_that_died_failed(folder: CellFolder) -> None:
    folder.event("killed", reason="killed by signal 9")
    row = look(folder)
    assert (row.status, row.reason) == ("failed", "killed by signal 9")


def test_damage_hides_no_other_cell(folder: CellFolder) -> None:
    with (folder.path / "events.jsonl").open("a") as file:
        file.write(
            '{"event": "submitted", "executor": "slurm", "time": "2026-01-01T00:00:00+0000"}\n[1]\n{"event": "st'
        )
    (folder.path / PROGRESS).write_text("{")
    assert look(folder).status == "queued"
    with folder.lock():
        assert look(folder) == CellRow(folder.cell, "running")
    (folder.path / "result.json").write_text("{")
    (folder.path / "events.jsonl").unlink()
    assert look(folder).status == "failed"
    (folder.path / "spec.json").write_text("{")
    row = look(folder)
    assert row.status == "broken"
    assert "spec.json" in str(row.reason)


def test_a_file_is_read_again_only_when_it_has_changed(folder: CellFolder) -> None:
    fail(folder, "one")
    overview = Overview(Store(folder.path.parents[1]))
    path = folder.path / "result.json"
    assert overview.rows()[0].reason == "one"
    facts, text = path.stat(), path.read_text()
    path.write_text(text.replace('"one"', '"two"'))
    os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    assert overview.rows()[0].reason == "one", "same file, size and time"
    fail(folder, "two")
    assert overview.rows()[0].reason == "two"


def test_a_record_has_the_keys_that_scripts_know_and_more(folder: CellFolder) -> None:
    with folder.lock():
        say(folder, epoch=3, loss=2.0)
        record = json.loads(json.dumps(look(folder).record()))
    known = {"cell": folder.cell, "status": "running", "miou": None, "reason": None, "since": None}
    more = {"phase": "train", "epoch": 3, "done": 1, "total": 9, "loss": 2.0}
    assert record == {**known, **more, "scans_per_second": None, "seconds_left": None}


def test_changes_tell_an_end_at_once_and_a_course_now_and_then() -> None:
    def run(done: int) -> CellRow:
        return CellRow("a", "running", CellProgress(phase="train", done=done, total=99, time=0.0))

    changes = Changes([CellRow("a", "pending"), CellRow("b", "finished")], quiet_s=30)
    seen = [(5.0, run(1)), (20.0, run(2)), (34.0, run(3)), (36.0, run(4)), (37.0, CellRow("a", "failed", ended=1))]
    seen += [(38.0, CellRow("a", "failed", ended=1)), (39.0, CellRow("a", "failed", ended=2))]
    told = [when for when, row in seen if changes.of([row, CellRow("b", "finished")], when)]
    assert told == [5.0, 36.0, 37.0, 39.0], "the last failed again, too fast to be seen running"


def test_a_line_has_all_that_a_cell_says() -> None:
    said = CellProgress(
        phase="train", done=7, total=90, epoch=3, scans_per_second=3.14159, loss=2.5, seconds_left=65, time=0
    )
    assert row_line(CellRow("ab-x", "running", said)) == (
        "running   ab-x  train  7/90  epoch 3  3.14 scans/s  loss 2.50  1:05 left"
    )
    assert row_line(CellRow("ab-x", "finished", miou=0.5432)) == "finished  ab-x  mIoU 54.3 %"
    assert row_line(CellRow("ab-x", "failed", reason="a\nb")) == "failed    ab-x  a b"
