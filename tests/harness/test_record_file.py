"""Every record on disk is read whole or refused by name; nothing is waited for."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from harness.errors import HarnessError
from harness.record_file import read_record
from harness.spec import Strict


class Note(Strict):
    schema_version: int = 1
    words: list[str]


def refused(path: Path) -> HarnessError:
    with pytest.raises(HarnessError) as caught:
        read_record(path, Note, "a note", "Write it again.")
    assert (caught.value.where, caught.value.expected, caught.value.remedy) == (str(path), "a note", "Write it again.")
    return caught.value


def test_a_record_is_read(tmp_path: Path) -> None:
    path = tmp_path / "note.json"
    path.write_text('{"words": ["a"]}')
    assert read_record(path, Note, "a note", "Write it again.") == Note(words=["a"])


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ("", "EOF while parsing"),
        ('{"words": ["a"', "EOF while parsing"),
        ('{"words": [1]}', "words.0: "),
        ('{"words": [], "more": 1}', "more: "),
        ('{"schema_version": "x", "words": []}', "schema version 'x', that of another release"),
    ],
)
def test_a_damaged_one_is_refused_by_its_place(tmp_path: Path, content: str, found: str) -> None:
    path = tmp_path / "note.json"
    path.write_text(content)
    assert found in refused(path).found


def test_what_is_no_file_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert refused(tmp_path / "pipe").found == refused(tmp_path).found == "no regular file"
    assert "No such file" in refused(tmp_path / "none").found
    (tmp_path / "circle").symlink_to(tmp_path / "circle")
    assert "on reading" in refused(tmp_path / "circle").found
