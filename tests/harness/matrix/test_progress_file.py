"""What a running cell says of itself in its progress.json."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from harness.matrix import progress as module
from harness.matrix.progress import MOST_MARKS, WINDOW_SECONDS, FileProgress, Speed
from harness.progress import PROGRESS, CellProgress, ProgressFile
from harness.store import CellFolder
from harness.train.loop import TrainingStep


class Clock:
    """Seconds that go on when they are told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now

    def time(self) -> float:
        return 5e8 + self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(module, "time", clock)
    monkeypatch.setattr("harness.progress.time", clock)
    return clock


def read(folder: Path) -> CellProgress | None:
    return ProgressFile(folder / PROGRESS).read()


def step(number: int, scans: int = 2) -> TrainingStep:
    return TrainingStep(epoch=number // 10, step=number, steps=100, scans=scans, terms={"a": 1.5, "b": 0.25})


def test_a_resumed_cell_begins_in_the_middle(tmp_path: Path, clock: Clock) -> None:
    with FileProgress(CellFolder(tmp_path)) as progress:
        progress.step(step(40))
        first = read(tmp_path)
        assert first is not None
        assert (first.phase, first.done, first.total, first.epoch, first.loss) == ("train", 40, 100, 5, 1.75)
        assert (first.scans_per_second, first.seconds_left) == (None, None), "nothing was timed yet"
        clock.now += 4
        progress.step(step(41))
        second = read(tmp_path)
        assert second is not None
        assert (second.scans_per_second, second.seconds_left) == (0.5, 59 * 4)
        assert second.time == clock.time()
        clock.now += 2
        progress.phase("evaluate", 1, 3)
        third = read(tmp_path)
        assert third is not None
        assert (third.phase, third.epoch, third.loss, third.scans_per_second) == ("evaluate", None, None, None)
        clock.now += 0.5
        progress.phase("evaluate", 2, 3)
        assert read(tmp_path) == third, "at most one writing a second"
        progress.phase("evaluate", 3, 3)
        last = read(tmp_path)
        assert last is not None
        assert (last.scans_per_second, last.seconds_left) == (4.0, 0.0)
    assert not (tmp_path / PROGRESS).exists()


def test_the_file_of_another_process_stays(tmp_path: Path) -> None:
    (tmp_path / PROGRESS).write_text("another's")
    with FileProgress(CellFolder(tmp_path)) as progress:
        progress.cell("name", 1, 2)
        progress.note("It is being run elsewhere.")
    assert (tmp_path / PROGRESS).read_text() == "another's"


def test_a_disk_that_takes_nothing_stops_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with FileProgress(CellFolder(tmp_path / "file")) as progress:
        progress.step(step(1))


def test_everything_is_passed_on_and_notes_have_the_name_of_their_cell(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    class Told:
        def __init__(self) -> None:
            self.calls: list[object] = []

        def cell(self, name: str, number: int, cells: int) -> None:
            self.calls.append((name, number, cells))

        def step(self, step: TrainingStep) -> None:
            self.calls.append(step)

        def phase(self, name: str, done: int, total: int) -> None:
            self.calls.append((name, done, total))

        def note(self, sentence: str) -> None:
            self.calls.append(sentence)

    told, folder = Told(), CellFolder(tmp_path / "0123-name-s0")
    folder.path.mkdir()
    for forward in (told, None):
        with FileProgress(folder, forward) as progress:
            progress.cell("name-s0", 1, 2)
            progress.step(step(3))
            progress.phase("evaluate", 1, 3)
            progress.note("Resumed.")
    assert told.calls == [("name-s0", 1, 2), step(3), ("evaluate", 1, 3), "name-s0: Resumed."]
    assert capsys.readouterr().out == "Resumed.\n"


@pytest.mark.parametrize("longest", [0.3, 20.0, 200.0])
def test_speeds_are_of_about_the_last_minute(longest: float) -> None:
    random, speed, now, done = Random(3), Speed(), 50.0, 17
    marks: list[tuple[float, int, int]] = []
    for _ in range(400):
        scans = random.randint(1, 4)
        speed.add(now, done, scans)
        marks.append((now, done, scans))
        early = [i for i, mark in enumerate(marks) if now - mark[0] >= WINDOW_SECONDS]
        since = min(early[-1] if early else 0, max(len(marks) - 2, 0))
        if len(marks) > 1:
            seconds = now - marks[since][0]
            expected = sum(mark[2] for mark in marks[since + 1 :]) / seconds, (done - marks[since][1]) / seconds
            assert speed.per_second() == pytest.approx(expected)
        now, done = now + random.uniform(0.01, longest), done + 1


def test_many_short_steps_take_little_memory() -> None:
    speed = Speed()
    for number in range(3 * MOST_MARKS):
        speed.add(number * 1e-4, number, 1)
    assert len(speed._marks) == MOST_MARKS
    assert speed.per_second() == pytest.approx((1e4, 1e4))
