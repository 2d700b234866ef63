from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from harness.data.workers import map_in_threads, map_items
from harness.errors import HarnessError


def square(number: int) -> int:
    return number * number


def refuse(number: int) -> int:
    if number == 3:
        raise HarnessError("file 3", "nothing", "something", "Try again.")
    return number


def die(number: int) -> int:
    os.kill(os.getpid(), signal.SIGKILL)
    return number


@pytest.mark.parametrize("run", [map_items, map_in_threads])
@pytest.mark.parametrize("workers", [0, 2])
def test_outcomes_keep_the_order_of_the_items(run: Callable[..., Iterator[int]], workers: int) -> None:
    seen: list[tuple[int, int]] = []
    outcomes = list(run(square, range(20), workers, lambda done, total: seen.append((done, total))))
    assert outcomes == [n * n for n in range(20)]
    assert seen == [(n, 20) for n in range(1, 21)]


@pytest.mark.parametrize("run", [map_items, map_in_threads])
@pytest.mark.parametrize("workers", [0, 1])
def test_an_error_arrives_whole(run: Callable[..., Iterator[int]], workers: int) -> None:
    with pytest.raises(HarnessError) as caught:
        list(run(refuse, range(5), workers))
    assert (caught.value.where, caught.value.remedy) == ("file 3", "Try again.")


def test_a_killed_worker_is_told() -> None:
    with pytest.raises(HarnessError, match="a process that was killed"):
        list(map_items(die, range(2), 1))


def stay(note: str) -> None:
    Path(note).write_text(str(os.getpid()))
    time.sleep(60)


def test_workers_end_when_their_parent_is_killed(tmp_path: Path) -> None:
    notes = [tmp_path / "first", tmp_path / "second"]
    code = f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})\nfrom test_data_workers import stay\n"
    code += (
        "from harness.data.workers import process_pool\nif __name__ == '__main__':\n    with process_pool(2) as pool:\n"
    )
    code += f"        list(pool.map(stay, {list(map(str, notes))!r}))\n"
    (tmp_path / "parent.py").write_text(code)
    with subprocess.Popen([sys.executable, tmp_path / "parent.py"], cwd=Path.cwd()) as parent:
        assert waits(lambda: all(note.exists() and note.read_text() for note in notes)), "no worker has begun"
        parent.kill()
    assert waits(lambda: not any(lives(int(note.read_text())) for note in notes)), "a worker lives on"


def waits(until: Callable[[], bool], patience_s: float = 30) -> bool:
    end = time.monotonic() + patience_s
    while not until():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


def lives(process: int) -> bool:
    """Whether a process runs; one that has ended and that nobody has asked about does not."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    state = Path(f"/proc/{process}/stat")
    return not (state.exists() and state.read_text().rpartition(")")[2].split()[0] == "Z")
