"""A cell that waits in a cluster's queue, until the queue has it no more."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from harness.cli.overview import CellRow, Overview
from harness.cli.queued import ASK_S, QueuedCells
from harness.matrix.executors.slurm_queue import QueuedJob
from harness.store import Store

WAITS = QueuedJob("PENDING", None)


class Slurm:
    """A queue, and how often it was asked."""

    def __init__(self, *jobs: str) -> None:
        self.jobs: dict[str, QueuedJob] | None = dict.fromkeys(jobs, WAITS)
        self.asked = 0

    def __call__(self) -> Mapping[str, QueuedJob] | None:
        self.asked += 1
        return self.jobs


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Three cells, the last two submitted to SLURM as tasks of an array."""
    store = Store(tmp_path)
    for number in range(3):
        (store.path / f"ab{number}-cell").mkdir(parents=True)
    for number in (1, 2):
        submit(store, number, f"7_{number}")
    return store


def submit(store: Store, number: int, job: str) -> None:
    log = store.path / f"ab{number}-cell/events.jsonl"
    with log.open("a") as file:
        file.write(f'{{"time": "2026-01-0{number}T12:30:00+0000", "event": "submitted", "executor": "slurm", ')
        file.write(f'"job": "{job}"}}\n')


def overview(store: Store) -> Overview:
    return Overview(store, [f"ab{number}-cell" for number in range(3)])


def statuses(rows: list[CellRow]) -> list[str]:
    return [row.status for row in rows]


def test_it_is_queued_since_it_was_submitted(store: Store) -> None:
    rows = QueuedCells(overview(store), Slurm("7_1", "7_2")).rows()
    assert statuses(rows) == ["pending", "queued", "queued"]
    assert (rows[1].since, rows[1].job, rows[1].said()) == ("2026-01-01T12:30:00+0000", "7_1", "since 2026-01-01 12:30")
    assert rows[1].record()["since"] == rows[1].since


def test_a_pre_empted_cell_has_the_job_it_had(store: Store) -> None:
    with (store.path / "ab1-cell/events.jsonl").open("a") as file:
        file.write('{"time": "2026-01-05T08:00:00+0000", "event": "preempted"}\n')
    [_, row, _] = QueuedCells(overview(store), Slurm("7_1", "7_2")).rows()
    assert (row.status, row.job, row.said()) == ("queued", "7_1", "since 2026-01-05 08:00")


def test_a_cell_whose_job_was_cancelled_is_pending(store: Store) -> None:
    slurm = Slurm("7_2", "9")
    cells = QueuedCells(overview(store), slurm)
    rows = cells.rows()
    assert statuses(rows) == ["pending", "pending", "queued"]
    assert rows[1].said() == "SLURM has no job 7_1 here any more"
    assert rows[1].record()["since"] is None
    slurm.jobs = {}
    assert statuses(cells.rows()) == ["pending", "pending", "queued"]
    assert slurm.asked == 1, f"not asked again within {ASK_S} s"
    submit(store, 1, "11")
    assert statuses(cells.rows()) == ["pending", "queued", "queued"], "another job, after the question"


def test_without_an_answer_the_events_are_believed(store: Store) -> None:
    slurm = Slurm()
    slurm.jobs = None
    assert statuses(QueuedCells(overview(store), slurm).rows()) == ["pending", "queued", "queued"]


def test_nobody_asks_where_nothing_is_queued(store: Store) -> None:
    slurm = Slurm()
    assert statuses(QueuedCells(Overview(store, ["ab0-cell"]), slurm).rows()) == ["pending"]
    assert slurm.asked == 0


def test_the_job_of_another_user_is_not_looked_for_among_ones_own(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.getuid", lambda: -1)
    assert statuses(QueuedCells(overview(store), Slurm()).rows()) == ["pending", "queued", "queued"]
