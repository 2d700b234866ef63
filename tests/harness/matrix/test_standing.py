from __future__ import annotations

import time
from pathlib import Path

from fake_plan import fake_cell, finish

from harness.matrix.standing import Standing, standing, training_steps
from harness.progress import CellProgress, ProgressFile
from harness.spec import MeasureSpec
from harness.store import Store


def test_a_cell_is_as_far_as_its_newest_checkpoint(tmp_path: Path) -> None:
    store, spec = Store(tmp_path), fake_cell()
    assert training_steps(spec) == 150
    assert standing(spec, store) == Standing("pending", 0, 0)
    folder = store.add(spec, tmp_path)
    folder.checkpoints.mkdir()
    for step in (30, 60):
        (folder.checkpoints / f"{step:09d}.pt").write_bytes(bytes(2**19))
    (folder.checkpoints / ".000000090.pt.77.tmp").write_bytes(b"")
    found = standing(spec, store)
    assert (found.status, found.trained) == ("pending", 60 / 150)
    assert 1 < found.written_mib < 1.1


def test_a_running_cell_is_as_far_as_it_says(tmp_path: Path) -> None:
    store, spec = Store(tmp_path), fake_cell()
    folder = store.add(spec, tmp_path)
    report = CellProgress(phase="train", done=75, total=150, time=time.time())
    ProgressFile(folder.path / "progress.json").write(report)
    assert standing(spec, store).trained == 0, "a cell that does not run goes on from its checkpoint"
    with folder.lock():
        assert standing(spec, store) == Standing("running", 0.5, standing(spec, store).written_mib)


def test_a_finished_cell_that_is_to_be_measured_otherwise_is_trained_but_not_done(tmp_path: Path) -> None:
    store, spec = Store(tmp_path), fake_cell()
    finish(store, spec)
    assert standing(spec, store).status == "finished"
    more = spec.model_copy(update={"measure": MeasureSpec(latency_scans=50)})
    found = standing(more, store)
    assert (found.status, found.trained) == ("pending", 1)
