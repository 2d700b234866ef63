"""Where the data of a matrix comes from."""

from __future__ import annotations

import multiprocessing
import threading
from pathlib import Path

import pytest
from tiny_matrix import Notes

from harness.config.models import DatasetConfig, SyntheticConfig
from harness.errors import HarnessError
from harness.matrix.source import data_root

STREETS = DatasetConfig(synthetic=SyntheticConfig(scans=3, azimuths=64))


def make(out: Path) -> tuple[Path, list[str]]:
    notes = Notes()
    return data_root(STREETS, {}, out, notes), notes.notes


def test_runs_that_begin_at_once_make_the_streets_once(tmp_path: Path) -> None:
    with multiprocessing.get_context("fork").Pool(3) as pool:
        found = pool.map(make, [tmp_path] * 3, chunksize=1)
    [root] = {root for root, _ in found}
    told = sorted(note.replace(str(root), "it") for _, notes in found for note in notes)
    assert told.count("Synthetic streets: it") == 1
    assert len(list(root.rglob("*.bin"))) == 3
    assert [path.name for path in root.parent.iterdir() if path.suffix != ".lock"] == [root.name]
    assert make(tmp_path) == (root, [])


def test_who_waits_says_so_and_takes_what_was_made(tmp_path: Path) -> None:
    waits, told = threading.Event(), list[str]()

    class Listening(Notes):
        def note(self, sentence: str) -> None:
            told.append(sentence)
            waits.set()

    class Slow(Notes):
        """Makes the first scan only when the other run waits for it."""

        def phase(self, name: str, done: int, total: int) -> None:
            if not other.is_alive() and not waits.is_set():
                other.start()
            assert waits.wait(60)

    other = threading.Thread(target=data_root, args=(STREETS, {}, tmp_path, Listening()))
    root = data_root(STREETS, {}, tmp_path, Slow())
    other.join()
    assert told == [f"{root} is being made by another process: waiting for it."]


def test_a_folder_that_takes_no_lock_is_named(tmp_path: Path) -> None:
    root, _ = make(tmp_path)
    root.rename(root.with_name("away"))
    lock = root.with_name(f".{root.name}.lock")
    lock.unlink(missing_ok=True)
    lock.mkdir()
    with pytest.raises(HarnessError, match=r"streets.*on writing"):
        make(tmp_path)
