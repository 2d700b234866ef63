"""One order in whatever process it has come to."""

from __future__ import annotations

from pathlib import Path

from tiny_matrix import Notes, orders_of, tiny

from harness.matrix.job import run_order
from harness.store import Store


def test_what_killed_writers_left_goes_when_the_cell_is_taken_up(root: Path, tmp_path: Path) -> None:
    """But not what another run, which has not the cell, may be writing now."""
    store = Store(tmp_path)
    [_, student] = orders_of(tiny(("pvd",)), root, store)
    folder = store.find(student.cell).path
    left = [folder / f".{name}.77.tmp" for name in ("result.json", "metrics.jsonl", "progress.json")]
    others = [folder / f".{name}.77.tmp" for name in ("spec.json", "repeat.yaml")]
    for path in left + others:
        path.write_text("half")
    run_order(student, Notes())
    assert not any(path.exists() for path in left)
    assert all(path.exists() for path in others)
